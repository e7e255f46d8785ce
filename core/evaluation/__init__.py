"""Evaluation of retrieval quality: queries of one split search a gallery of another."""
