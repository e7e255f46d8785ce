"""What outlives one run of a page: the user's choices, open models and indexes, the job board."""
