"""Datasets: where the images are, what is known of each, and how they are split."""
