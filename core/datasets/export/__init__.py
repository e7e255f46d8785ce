"""Exporting images and tables of a dataset."""
