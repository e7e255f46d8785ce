"""Indexes page: build, compare, recommend, measure, rename, delete."""

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.curation import exclude
from core.datasets.registry import open_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.index_benchmark.config import RecommendConfig, SweepConfig
from core.index_benchmark.recommend import recommend
from core.index_benchmark.sweep import sweep
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.progress import finish
from core.workspace import Workspace
from pages.parts.indexes import pareto
from state import resources
from state.view import View
from tests.support.page_fixtures import Open, last_job, stop_jobs, texts

BENCHMARK, RECOMMEND = "Benchmark", "Recommend"


def embeddings_of(workspace: Workspace) -> Manifest:
    [embeddings], _ = list_artifacts(workspace.embeddings)
    return embeddings


def open_tab(app: AppTest, name: str) -> AppTest:
    app.session_state["indexes-tabs"] = name
    return app.run()


@pytest.mark.slow
def test_every_kind_has_an_explanation_and_its_parameters(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    assert "Exact search over all images" in texts(app)
    app.pills(key="indexes-kind").set_value("ivf_pq").run()
    assert "IVF with compressed embeddings" in texts(app)
    numbers = [field.label for field in app.number_input if "indexes-ivf_pq" in str(field.key)]
    assert numbers == ["nlist", "nprobe", "Bytes per image"]


def test_an_invalid_factory_string_is_refused_on_the_page(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    app.pills(key="indexes-kind").set_value("factory").run()
    app.text_input(key="indexes-factory").set_value("HNSW0,Flat").run()
    assert "numbers in factory must be in 1" in texts(app).replace("\\", "")
    assert "indexes-build" not in [button.key for button in app.button]


@pytest.mark.slow
def test_the_job_builds_the_chosen_index(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    app.pills(key="indexes-kind").set_value("hnsw").run()
    app.number_input(key="indexes-hnsw-m").set_value(16).run()
    app.selectbox(key="indexes-metric").set_value("l2").run()
    app.button(key="indexes-build").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[0] == "index"
    assert arguments[-6:] == ("--kind", "hnsw", "--metric", "l2", "--m", "16")


@pytest.mark.slow
def test_the_current_index_is_measured_at_any_effort(full: Workspace, visit: Open) -> None:
    config = IndexConfig(kind="ivf", nlist=6, nprobe=1)
    made = finish(build_index(full, embeddings_of(full).id, config))
    app = visit("indexes")
    assert "→ :gray[index]" in texts(app)
    assert "**Sample queries**" in texts(app)
    assert app.button(key="indexes-effort-keep").disabled
    quick = {metric.label: metric.value for metric in app.metric}
    assert set(quick) == {
        "Recall@1", "Recall@10", "Recall@100", "p50 ms", "p95 ms", "p99 ms", "Queries/s"
    }  # fmt: skip
    app.select_slider(key=f"indexes-effort-{made.id}").set_value(6).run()
    thorough = {metric.label: metric.value for metric in app.metric}
    assert float(quick["Recall@10"]) < float(thorough["Recall@10"]) == 1.0
    app.button(key="indexes-effort-keep").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[-2:] == ("--nprobe", "6")


def test_the_recall_of_an_approximate_index_is_shown(full: Workspace, visit: Open) -> None:
    config = IndexConfig(kind="ivf", nlist=6, nprobe=1)
    made = finish(build_index(full, embeddings_of(full).id, config))
    app = visit("indexes")
    recall = made.summary["recall_at_10"]
    assert f"recall@10 {recall:.3f}" in texts(app)
    [table] = [frame.value for frame in app.dataframe if "recall@10" in frame.value.columns]
    values = dict(zip(table["kind"], table["recall@10"], strict=True))
    assert values["IVF-Flat, nlist 6, nprobe 1"] == recall
    assert values["Flat"] != values["Flat"]  # NaN, an empty cell: it is exact


@pytest.mark.slow
def test_the_job_embeds_the_chosen_images(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    assert "30 images embedded · 128 dimensions" in texts(app)
    app.selectbox(key="indexes-images").set_value("test").run()
    app.toggle(key="indexes-flip").set_value(True).run()
    assert "embedding comes first" in texts(app)
    app.button(key="indexes-build").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[5:7] == ("--flip", "--split=test")


@pytest.mark.slow
def test_the_view_of_the_datasets_page_can_be_indexed(full: Workspace, visit: Open) -> None:
    app = visit("")
    app.session_state["selection"].view = View(images=ImageFilter(labels=("red",)))
    app.switch_page("pages/indexes.py").run()
    app.selectbox(key="indexes-images").set_value("shown").run()
    assert "10 images." in texts(app)


@pytest.mark.slow
def test_a_pre_trained_backbone_needs_no_training(full: Workspace, visit: Open) -> None:
    app = visit("indexes")
    app.segmented_control(key="indexes-backbone-weights").set_value("Weights file").run()
    assert "Enter the path of a weights file" in texts(app)
    app.text_input(key="indexes-backbone-file").set_value("/nowhere/vgg.pth").run()
    app.selectbox(key="indexes-backbone-backbone").set_value("resnet18").run()
    app.button(key="indexes-backbone-go").click().run()
    arguments = last_job()
    resources.jobs().wait(resources.jobs().views()[0].record.id, 60)
    assert arguments[0] == "fit-pca"
    assert arguments[3:7] == ("--backbone", "resnet18", "--weights", "/nowhere/vgg.pth")
    assert "need at least 129 readable train images" in resources.jobs().views()[0].message


@pytest.mark.slow
def test_a_sweep_is_shown(full: Workspace, visit: Open) -> None:
    embeddings = embeddings_of(full)
    finish(sweep(full, embeddings.id, SweepConfig(kinds="flat,hnsw,ivf_pq")))
    app = open_tab(visit("indexes"), BENCHMARK)
    assert "IVF\\_PQ skipped" in texts(app)
    assert "Select a point or a row" in texts(app)
    [table] = [frame for frame in app.dataframe if "queries/s" in frame.value.columns]
    assert "Flat" in table.value["index"].tolist()


@pytest.mark.slow
def test_without_a_sweep_the_tab_explains_itself(full: Workspace, visit: Open) -> None:
    app = open_tab(visit("indexes"), BENCHMARK)
    assert "Recall and latency of each index appear here" in texts(app)
    app.text_input(key="indexes-sweep-factories").set_value("IVF0,Flat").run()
    assert "numbers in factory" in texts(app)
    app.text_input(key="indexes-sweep-factories").set_value("IVF4,SQ8").run()
    app.button(key="indexes-sweep").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[0] == "sweep"
    assert arguments[-2:] == ("--factories", "IVF4,SQ8")


@pytest.mark.slow
def test_a_budget_starts_a_recommendation(full: Workspace, visit: Open) -> None:
    app = open_tab(visit("indexes"), RECOMMEND)
    app.number_input(key="indexes-recommend-recall").set_value(0.9).run()
    app.number_input(key="indexes-recommend-memory").set_value(3.0).run()
    app.button(key="indexes-recommend").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments[0] == "recommend"
    assert arguments[-4:] == ("--recall", "0.9", "--memory-mb", "3.0")


@pytest.mark.parametrize(
    ("latency_ms", "said"), [(60_000.0, "meets recall"), (0.001, "No index meets")]
)
def test_the_page_says_whether_a_recommended_index_meets_the_budget(
    full: Workspace, visit: Open, latency_ms: float, said: str
) -> None:
    finish(recommend(full, embeddings_of(full).id, RecommendConfig(latency_ms=latency_ms)))
    app = open_tab(visit("indexes"), RECOMMEND)
    alerts = "\n".join(str(element.value) for element in [*app.success, *app.warning])
    assert said in alerts
    assert any("shortfall" in frame.value.columns for frame in app.dataframe)


@pytest.mark.slow
def test_an_index_whose_dataset_changed_can_be_updated(full: Workspace, visit: Open) -> None:
    exclude(open_dataset(full, "colors").catalog, [1])
    app = visit("indexes")
    assert "orange-badge[Stale] the dataset has changed" in texts(app).replace("\\", "")
    assert texts(app).count("the dataset has changed") == 1
    app.button(key="indexes-update-current").click().run()
    arguments = last_job()
    stop_jobs()
    index = read_lineage(full).indexes[0]
    assert arguments == ("update-index", "--index", index.id)


@pytest.mark.slow
def test_a_stale_index_is_rebuilt_with_all_around_it_by_one_button(
    full: Workspace, visit: Open
) -> None:
    exclude(open_dataset(full, "colors").catalog, [1])
    app = visit("indexes")
    app.button(key="indexes-rebuild-all-current").click().run()
    arguments = last_job()
    stop_jobs()
    assert arguments == ("rebuild", "--index", read_lineage(full).indexes[0].id)


def test_a_damaged_index_is_reported_and_can_be_deleted(full: Workspace, visit: Open) -> None:
    index = read_lineage(full).indexes[0]
    (full.indexes / index.id / "index.faiss").write_bytes(b"damaged")
    app = visit("indexes")
    assert not app.exception
    assert "is damaged or was changed by hand" in app.warning[0].value.replace("\\", "")
    select_first(app)
    assert app.button(key="indexes-delete")


def select_first(app: AppTest) -> AppTest:
    app.session_state["indexes-table"] = {"selection": {"rows": [0], "columns": []}}
    return app.run()


@pytest.mark.slow
def test_an_index_is_renamed_and_deleted(full: Workspace, visit: Open) -> None:
    index = read_lineage(full).indexes[0]
    finish(evaluate(full, EvaluateConfig(index=index.id)))
    app = select_first(visit("indexes"))
    app.text_input(key=f"indexes-title-{index.id}").set_value("The good one")
    app = app.button(key="indexes-rename-submit").click().run()
    assert "Current index: The good one" in [heading.value for heading in app.header]

    app = select_first(app)
    assert "These become stale" in texts(app)
    app.button(key="indexes-delete").click().run()
    assert read_lineage(full).indexes == []


@pytest.mark.parametrize("values", [[0.03, 0.05], [0.0405, 0.0445], [0.02, 7.0]])
def test_the_axis_of_latencies_has_ticks_however_close_they_are(values: list[float]) -> None:
    within = [tick for tick in pareto.ticks_of(values) if values[0] <= tick <= values[1]]
    assert 3 <= len(within) <= 20
