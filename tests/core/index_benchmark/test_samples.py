"""Sample queries of an index."""

from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.index_benchmark.queries import make_benchmark_queries
from core.index_benchmark.samples import sample_retrievals
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.progress import finish
from core.training.history import NUM_MATCHES, NUM_SAMPLES
from core.workspace import Workspace
from tests.factories.embeddings import embedded_set


def test_sample_queries_have_their_exact_neighbors_in_a_flat_index(workspace: Workspace) -> None:
    made = embedded_set(workspace, 400)
    embeddings = open_embeddings(workspace, made.id)
    benchmark = finish(make_benchmark_queries(workspace, made.id, 200))
    store = finish(build(embeddings.vectors, embeddings.image_ids, IndexConfig()))
    catalog = open_dataset(workspace, made.made_from["dataset"]).catalog
    samples = sample_retrievals(store, benchmark, catalog)
    assert len(samples) == NUM_SAMPLES
    places = {int(query): place for place, query in enumerate(benchmark.query_ids)}
    labels = {image: row.label for image, row in catalog.rows_by_id(embeddings.image_ids).items()}
    for sample in samples:
        exact = benchmark.exact[places[sample.image_id]][:NUM_MATCHES].tolist()
        assert [image for image, _ in sample.matches] == exact
        own = labels.get(sample.image_id)
        assert sample.label == (own or "")
        assert [is_hit for _, is_hit in sample.matches] == [
            labels.get(image) == own for image in exact
        ]


def test_an_approximate_index_is_searched_with_the_given_effort(workspace: Workspace) -> None:
    made = embedded_set(workspace, 400)
    embeddings = open_embeddings(workspace, made.id)
    benchmark = finish(make_benchmark_queries(workspace, made.id, 200))
    config = IndexConfig(kind="ivf", nlist=8, nprobe=1)
    store = finish(build(embeddings.vectors, embeddings.image_ids, config))
    catalog = open_dataset(workspace, made.made_from["dataset"]).catalog
    thorough = sample_retrievals(store, benchmark, catalog, effort=8)
    flat = finish(build(embeddings.vectors, embeddings.image_ids, IndexConfig()))
    assert thorough == sample_retrievals(flat, benchmark, catalog)
