"""Answering queries, and measuring how good the answers are."""
