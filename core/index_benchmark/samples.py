"""Sample queries of an index, each with its matches, to look at."""

import numpy as np

from core.datasets.catalog import Catalog
from core.index_benchmark.queries import BenchmarkQueries, exclude_self
from core.indexes.store import VectorStore
from core.training.history import NUM_MATCHES, NUM_SAMPLES, SampleRetrieval


def sample_retrievals(
    store: VectorStore, benchmark: BenchmarkQueries, catalog: Catalog, effort: int | None = None
) -> list[SampleRetrieval]:
    """Search an index with some of the benchmark's queries, without the query's own image.

    `effort` is nprobe or efSearch; None for the default of the index. The label of a query without
    a class is empty.
    """
    count = len(benchmark.queries)
    places = np.linspace(0, count - 1, min(NUM_SAMPLES, count)).round().astype(int)
    found = store.search(benchmark.queries[places], NUM_MATCHES + 1, effort=effort)
    ids = [
        [int(query), *map(int, exclude_self(query, matches.image_ids, NUM_MATCHES))]
        for query, matches in zip(benchmark.query_ids[places], found, strict=True)
    ]
    rows = catalog.rows_by_id({image for row in ids for image in row})
    labels = {image: row.label for image, row in rows.items()}
    return [
        SampleRetrieval(
            query,
            labels.get(query) or "",
            tuple((image, labels.get(image) == labels.get(query)) for image in matches),
        )
        for query, *matches in ids
    ]
