"""Data quality: label issues, outliers, near-duplicates, leakage and clusters."""
