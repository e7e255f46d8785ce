"""Artifacts: folders, manifests and their upgrades, titles, exports."""
