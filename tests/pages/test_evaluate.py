"""The Evaluate page: its tabs, jobs, and invalid input."""

import shlex
from dataclasses import asdict

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import delete_artifact, draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.commands import build_parser
from core.datasets.curation import exclude
from core.datasets.registry import open_dataset
from core.evaluation.baselines import evaluate_baseline
from core.evaluation.config import Baseline, BaselineConfig, EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.evaluation.files import open_evaluation
from core.lineage.graph import read_lineage
from core.options import read_options
from core.progress import finish
from core.workspace import Workspace
from pages.parts.evaluate import images
from tests.factories.embeddings import embedded_set
from tests.support.page_fixtures import Open, last_job, picker, texts, wait_for_jobs

CLASSES, CONFUSION = ":material/category: Classes", ":material/grid_on: Confusion"
QUERIES, COMPARE = ":material/image_search: Queries", ":material/compare_arrows: Compare"
REPORT = ":material/description: Report"


def evaluated(workspace: Workspace, **settings: object) -> Manifest:
    """Evaluate the embeddings of the untrained model."""
    [embeddings], _ = list_artifacts(workspace.embeddings)
    config = EvaluateConfig(embeddings=embeddings.id, replicates=50, **settings)  # type: ignore[arg-type]
    return finish(evaluate(workspace, config))


def baseline(workspace: Workspace) -> Manifest:
    config = BaselineConfig(dataset="colors", baseline=Baseline.COLOR, replicates=50)
    return finish(evaluate_baseline(workspace, config))


def open_tab(app: AppTest, name: str) -> AppTest:
    app.session_state["evaluate-tabs"] = name
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return texts(app).replace("\\", "")


def test_without_a_dataset_the_page_leads_to_one(empty: Workspace, visit: Open) -> None:
    app = visit("evaluate")
    assert "An evaluation needs a dataset." in said(app)
    assert "go-to-datasets" in [button.key for button in app.button]


def test_without_classes_the_page_explains_it(empty: Workspace, visit: Open) -> None:
    embedded_set(empty, 8, labeled=False)
    assert "An evaluation needs labeled images." in said(visit("evaluate"))


@pytest.mark.slow
def test_an_evaluation_is_a_job_and_then_shown(full: Workspace, visit: Open) -> None:
    app = visit("evaluate")
    assert "Measure retrieval quality on held-out images" in said(app)
    app.selectbox(key="evaluate-gallery").set_value("train+validation").run()
    app.text_input(key="evaluate-ks").set_value("1, 3").run()
    app.button(key="evaluate-start").click().run()
    arguments = last_job()
    wait_for_jobs()
    [embeddings], _ = list_artifacts(full.embeddings)
    assert arguments[0] == "evaluate"
    assert set(arguments[1:]) == {
        *("--gallery", "train+validation", "--ks", "1,3", "--embeddings", embeddings.id)
    }
    app.run()
    [made] = read_lineage(full).evaluations
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["mAP@10"] == f"{made.summary['map_at_10']:.3f}"
    assert "train + validation images in the gallery" in said(app)
    assert "CI 0." in said(app)
    assert f"Macro {made.summary['map_at_10_macro']:.3f}" in said(app)


@pytest.mark.slow
def test_an_index_can_be_compared_with_exact_search(full: Workspace, visit: Open) -> None:
    app = visit("evaluate")
    index = read_lineage(full).indexes[0]
    app.selectbox(key="evaluate-system").set_value(f"index:{index.id}").run()
    app.checkbox(key="evaluate-exact").check().run()
    app.button(key="evaluate-start").click().run()
    assert last_job() == ("evaluate", "--index", index.id, "--exact")
    wait_for_jobs()
    assert "index recall 100.0 % · exact search mAP@10" in said(app.run())


def test_invalid_ranks_are_reported(full: Workspace, visit: Open) -> None:
    app = visit("evaluate")
    app.text_input(key="evaluate-ks").set_value("ten").run()
    assert "ks must be numbers" in said(app)
    assert "evaluate-start" not in [button.key for button in app.button]


@pytest.mark.slow
def test_a_baseline_is_one_button_away(full: Workspace, visit: Open) -> None:
    app = visit("evaluate")
    app.button(key="evaluate-baseline-color").click().run()
    assert last_job() == ("baseline", "--dataset", "colors", "--baseline", "color")
    wait_for_jobs()
    assert "6 test queries" in said(app.run())
    assert picker(app, "evaluate-current").options == ["color histogram · test · exact search"]
    app.text_input(key="evaluate-backbone-weights").set_value("none").run()
    app.button(key="evaluate-baseline-backbone").click().run()
    assert "weights must be pretrained or a file for this baseline" in said(app)


@pytest.mark.slow
def test_each_view_of_an_evaluation_is_drawn(full: Workspace, visit: Open) -> None:
    made = evaluated(full)
    app = visit("evaluate")
    assert any("mean" in frame.value.columns for frame in app.dataframe)
    assert "(Musgrave, Belongie & Lim 2020)" in said(app)

    app = open_tab(app, CLASSES)
    [table] = [frame for frame in app.dataframe if "gallery" in frame.value.columns]
    assert sorted(table.value["class"]) == ["blue", "green", "red"]
    app.session_state["evaluate-classes"] = {"selection": {"rows": [0], "columns": []}}
    assert "2 queries, worst first" in said(app.run())

    app = open_tab(app, QUERIES)
    assert "Query, then results" in said(app)
    app = open_tab(app, REPORT)
    downloads = [button.proto.label for button in app.get("download_button")]
    assert downloads[:2] == ["HTML report", "JSON"]
    assert any(f"--embeddings={made.config['embeddings']}" in code.value for code in app.code)


@pytest.mark.slow
def test_the_shown_command_repeats_the_evaluation(full: Workspace, visit: Open) -> None:
    made = evaluated(full, seed=1)
    app = open_tab(visit("evaluate"), REPORT)
    [command] = [code.value for code in app.code if code.value.startswith("python -m core")]
    options = build_parser().parse_args(shlex.split(command)[3:])
    assert asdict(read_options(options, EvaluateConfig)) == made.config


@pytest.mark.slow
def test_a_pair_of_the_list_opens_its_images(full: Workspace, visit: Open) -> None:
    made = open_evaluation(full, evaluated(full).id)
    app = open_tab(visit("evaluate"), CONFUSION)
    assert "Rows: query class; columns: retrieved class." in said(app)
    [pairs] = [frame for frame in app.dataframe if "retrieved" in frame.value.columns]
    first = pairs.value.iloc[0]
    app.session_state["selection"].open_confusion = (first["class"], first["retrieved"])
    assert f"**{first['class']}** → **{first['retrieved']}** · 2 of 2" in said(app.run())
    own = made.confusion[made.confusion["label"] != made.confusion["retrieved"]]
    assert len(pairs.value) == len(own)


@pytest.mark.slow
def test_two_evaluations_are_compared_query_by_query(full: Workspace, visit: Open) -> None:
    alone = evaluated(full)
    app = open_tab(visit("evaluate"), COMPARE)
    assert "No comparable evaluations" in said(app)

    baseline(full)
    evaluated(full, queries="validation")
    app.session_state["selection"].evaluation = alone.id
    app.run()
    assert "1 evaluations with another protocol" in said(app)
    [table] = [frame for frame in app.dataframe if "Δ mAP@10" in frame.value.columns]
    assert table.value["system"].tolist()[1:] == ["color histogram"]
    gap = table.value["Δ mAP@10"].tolist()[1]
    assert gap[0] in "+-"
    assert "[" in gap
    [way] = [group for group in app.button_group if group.key == "evaluate-changed-way"]
    assert [str(option).split()[0] for option in way.options] == ["Better", "Worse"]


def test_a_changed_dataset_makes_an_evaluation_stale(full: Workspace, visit: Open) -> None:
    evaluated(full)
    exclude(open_dataset(full, "colors").catalog, [1])
    assert ":orange-badge[stale: the dataset has changed]" in said(visit("evaluate"))


def test_an_evaluation_remains_without_its_embeddings(full: Workspace, visit: Open) -> None:
    evaluated(full)
    [embeddings], _ = list_artifacts(full.embeddings)
    delete_artifact(full.embeddings, embeddings.id)
    app = visit("evaluate")
    assert "stale: its embeddings were deleted" in said(app)
    assert app.metric


def test_a_damaged_evaluation_is_reported_and_can_be_deleted(full: Workspace, visit: Open) -> None:
    made = evaluated(full)
    path = full.evaluations / made.id / "queries.csv"
    path.write_text(path.read_text().replace("red", "rad"))
    app = visit("evaluate")
    assert "queries.csv is damaged or was changed by hand" in said(app)
    app.button(key="evaluate-delete").click().run()
    assert read_lineage(full).evaluations == []
    assert "Measure retrieval quality on held-out images" in said(app)


@pytest.mark.slow
def test_an_evaluation_of_an_early_version_is_shown(full: Workspace, visit: Open) -> None:
    now = open_evaluation(full, evaluated(full).id)
    columns = ["image_id", "path", "label", "map_at_10", "recall_at_1", "matches"]
    of_class = ["label", "num_queries", "map_at_10", "recall_at_1", "most_confused"]
    with draft(full.evaluations) as folder:
        now.queries[columns].to_csv(folder / "queries.csv", index=False)
        now.classes[of_class].to_csv(folder / "classes.csv", index=False)
        old = publish(
            folder,
            kind="evaluation",
            stem="old",
            config={"index": "some", "queries": "test", "exact": False},
            made_from=now.manifest.made_from | {"index": "some", "index_fingerprint": "gone"},
            summary={"map_at_10": 0.5, "map_at_10_macro": 0.5, "num_queries": 6},
        )
    app = visit("evaluate")
    app.session_state["selection"].evaluation = old.id
    for tab in (CLASSES, QUERIES, COMPARE, REPORT, CONFUSION):
        open_tab(app, tab)
    assert "Evaluate again to get a confusion matrix" in said(app)


@pytest.mark.slow
def test_a_label_is_never_markdown(full: Workspace, visit: Open) -> None:
    evaluated(full)
    app = visit("evaluate")
    app.session_state["selection"].open_confusion = ("![x](http://a.b)", "red")
    app = open_tab(app, CONFUSION)
    assert "![x](" not in texts(app)


@pytest.mark.slow
def test_an_image_leads_to_the_query_page(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = open_evaluation(full, evaluated(full).id)
    asked = int(made.queries.sort_values("map_at_10", kind="stable")["image_id"].iloc[0])
    app = visit("evaluate")
    monkeypatch.setattr(images, "gallery", lambda tiles, **_: tiles[0].id)
    app.session_state["evaluate-tabs"] = QUERIES
    app.run()
    [image] = app.session_state["selection"].query.images
    assert image.image_id == asked


@pytest.mark.slow
def test_the_evaluation_of_the_current_index_is_shown_first(full: Workspace, visit: Open) -> None:
    index = read_lineage(full).indexes[0]
    of_index = finish(evaluate(full, EvaluateConfig(index=index.id, replicates=50)))
    newer = evaluated(full)
    baseline(full)
    app = visit("evaluate")
    current = picker(app, "evaluate-current")
    assert current.value == of_index.id
    current.set_value(newer.id).run()
    assert app.session_state["selection"].evaluation == newer.id


def test_evaluations_with_the_same_title_show_their_ids(full: Workspace, visit: Open) -> None:
    ids = [evaluated(full).id, evaluated(full, ks="1,3").id]
    options = picker(visit("evaluate"), "evaluate-current").options
    assert sorted(option.split(" · ")[-1] for option in options) == sorted(ids)
