"""Data quality: label issues, outliers, near-duplicates, leakage, atypical images, clusters."""
