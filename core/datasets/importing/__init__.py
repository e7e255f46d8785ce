"""Importing images: folders, archives, Caltech-101 and uploads."""
