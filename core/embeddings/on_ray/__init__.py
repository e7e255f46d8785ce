"""Embedding on the nodes of a Ray cluster: the driver is this process, workers run on the nodes."""
