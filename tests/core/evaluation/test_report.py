"""Reports of an evaluation and their figures."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.datasets import curation
from core.datasets.registry import open_dataset
from core.evaluation import report_figures
from core.evaluation.comparison import compare
from core.evaluation.config import EvaluateConfig
from core.evaluation.confusions import confused_pairs, confusions, queries_of_pair
from core.evaluation.evaluate import evaluate
from core.evaluation.files import Evaluation, open_evaluation
from core.evaluation.measure_names import curve_of, definition_of, name_of
from core.evaluation.report import html_report, json_report
from core.progress import finish
from tests.factories.toy import ToySet

EVIL = '<script src="http://a.b/x.js">&"</script>'


@pytest.fixture
def evaluation(toy: ToySet) -> Evaluation:
    config = EvaluateConfig(embeddings=toy.embeddings.id, replicates=20)
    return open_evaluation(toy.workspace, finish(evaluate(toy.workspace, config)).id)


def test_a_report_is_self_contained(toy: ToySet, evaluation: Evaluation) -> None:
    dataset = open_dataset(toy.workspace, "toy")
    others = {"itself": compare(evaluation, evaluation, 10, 0)}
    page = html_report(evaluation, dataset, others)
    addresses = re.findall(r"(?:src|href)=([^\s>]+)", page)
    assert all(address.startswith('"data:image/jpeg;base64,') for address in addresses)
    assert "<script" not in page
    # Three queries with the four images that each found, and nothing else
    assert page.count('src="data:image/jpeg;base64,') == 3 * 5
    assert f"{evaluation.manifest.summary['map_at_10']:.4f}" in page
    assert "<td>itself</td><td>mAP@10</td><td>+0.0000</td>" in page
    assert evaluation.manifest.made_from["embeddings_fingerprint"] in page


def test_untrusted_text_is_escaped(toy: ToySet, evaluation: Evaluation) -> None:
    def evil(table: pd.DataFrame) -> pd.DataFrame:
        return table.replace({"red": EVIL, "blue": f"{EVIL}2"})

    manifest = replace(
        evaluation.manifest,
        made_from=evaluation.manifest.made_from | {"dataset": EVIL},
        summary=evaluation.manifest.summary | {"skipped_classes": {EVIL: 1}},
    )
    tables = map(evil, (evaluation.queries, evaluation.classes, evaluation.confusion))
    page = html_report(Evaluation(manifest, *tables), open_dataset(toy.workspace, "toy"), {})
    assert "<script" not in page
    assert "&lt;script" in page


def test_json_has_the_manifest_and_the_tables(evaluation: Evaluation) -> None:
    found = json.loads(json_report(evaluation))
    assert found["manifest"]["id"] == evaluation.manifest.id
    assert len(found["queries"]) == 3
    assert [row["label"] for row in found["classes"]] == ["blue", "red"]
    assert {"label", "retrieved", "count"} == set(found["confusion"][0])


def test_a_curve_goes_through_its_points() -> None:
    drawn = report_figures.curves({"<a>": [(1, 0.0), (100, 1.0)]})
    [points] = re.findall(r'polyline points="([^"]+)"', drawn)
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points.split())
    assert x1 < x2
    assert y1 > y2  # y increases downwards
    assert "&lt;a&gt;" in drawn


def test_shares_are_of_all_results_of_the_queries(evaluation: Evaluation) -> None:
    found = confusions(evaluation, 10)
    assert found.labels == ["blue", "red"]
    # Each query finds the two red and the two blue images
    assert found.shares.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert found.shares.shape == (2, 2)
    assert found.shares.dtype == np.float64
    assert confusions(evaluation, 1).labels == ["blue"]
    pairs = confused_pairs(evaluation)
    assert list(zip(pairs["label"], pairs["retrieved"], pairs["share"], strict=True)) == [
        ("blue", "red", 0.5),
        ("red", "blue", 0.5),
    ]


def test_the_queries_of_a_pair_are_sorted_by_its_results(
    toy: ToySet, evaluation: Evaluation
) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    pair = queries_of_pair(evaluation, "red", "blue", catalog)
    assert pair["num_found"].tolist() == [2, 2]
    curation.relabel(catalog, [toy.ids["blue/000.png"]], "green")
    assert queries_of_pair(evaluation, "red", "blue", catalog)["num_found"].tolist() == [1, 1]
    assert queries_of_pair(evaluation, "red", "yellow", catalog).empty


def test_every_measure_has_a_name_and_a_definition(evaluation: Evaluation) -> None:
    names = [name_of(name) for name in evaluation.measures]
    assert len(set(names)) == len(names)
    assert {"mAP@10", "recall@1", "nDCG@5", "kNN accuracy@10", "mAP@R", "MRR"} <= set(names)
    assert all(definition_of(name) for name in evaluation.measures)
    assert [k for k, _ in curve_of(evaluation.measures, "map")] == [1, 2, 5, 10, 20, 50, 100]
    assert (name_of("some_new_thing"), definition_of("some_new_thing")) == ("some_new_thing", "")
