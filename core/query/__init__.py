"""Queries: searching an index by images.

`search(opened, query)` is the one way from a query to its result, for pages, commands and batches.
"""

from core.query.opened import OpenedIndex, open_for_search
from core.query.pipeline import search
from core.query.query import ImageSource, Query, QueryImage, SearchOptions
from core.query.result import Match, QueryResult

__all__ = [
    "ImageSource",
    "Match",
    "OpenedIndex",
    "Query",
    "QueryImage",
    "QueryResult",
    "SearchOptions",
    "open_for_search",
    "search",
]
