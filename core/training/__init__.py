"""Fine-tuning: the loop in plain sight, and the caches that make it quick."""
