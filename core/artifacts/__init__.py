"""Artifact folders, their manifests, titles and exports."""
