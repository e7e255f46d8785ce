"""Declarations of verbs: every name of release 0.1.0 still works, and facts of jobs."""

import argparse

import pytest

import core
from core.cli import main
from core.commands import COMMANDS, build_parser, find_command, replace_old_names
from core.commands.evaluation import EVALUATE
from core.commands.indexes import BUILD_INDEX
from core.commands.maps import MAP
from core.commands.query import QUERY

OLD_VERBS = {
    "draw": "generate",
    "check": "verify",
    "fit-trunk": "fit-pca",
    "advise": "recommend",
    "measure": "benchmark",
    "find": "analyze",
    "list-found": "export-issues",
    "open-bundle": "import-bundle",
}


@pytest.mark.parametrize(("old", "new"), OLD_VERBS.items())
def test_an_old_verb_is_the_new_one_and_says_so(old: str, new: str) -> None:
    arguments, notices = replace_old_names([old, "--dataset", "x"])
    assert arguments == [new, "--dataset", "x"]
    assert notices == [f"`{old}` is now `{new}`; the old name will be removed in the next release."]
    assert find_command(old) is COMMANDS[new]


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("draw --name x --per-category 3", "per_class", 3),
        ("draw --name x --drawing-seed=3", "image_seed", 3),
        ("train --dataset x --trunk-learning-rate 1e-3", "backbone_learning_rate", 1e-3),
        ("train --dataset x --images-per-class 4", "samples_per_class", 4),
        ("train --dataset x --metric-weight 0.3", "metric_loss_weight", 0.3),
        ("estimate --dataset x --clip-norm 2", "max_gradient_norm", 2.0),
        ("index --embeddings x --lists 9", "nlist", 9),
        ("index --embeddings x --links=9", "m", 9),
        ("map --index x --neighbours 9", "neighbors", 9),
        ("find --index x --neighbours 9", "neighbors", 9),
        ("find --index x --least-cluster 9", "min_cluster_size", 9),
        ("list-found --index x --output y --finder alike", "check", "near_duplicates"),
        ("list-found --index x --output y --check=labels", "check", "label_issues"),
        ("query --index x y --fold", "deduplicate", True),
        ("query --index x y --least-similarity 0.5", "min_similarity", 0.5),
        ("baseline --dataset x --baseline colour", "baseline", "color"),
        ("baseline --dataset x --baseline=trunk", "baseline", "backbone"),
    ],
)
def test_an_old_option_is_read_as_the_new_one(
    arguments: str, field: str, value: float | str
) -> None:
    replaced, notices = replace_old_names(arguments.split())
    assert notices
    assert vars(build_parser().parse_args(replaced))[field] == value


def test_no_old_name_is_in_the_help() -> None:
    parser = build_parser()
    for old in OLD_VERBS:
        assert f"    {old} " not in parser.format_help()
    [verbs] = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for name, command in COMMANDS.items():
        text = verbs.choices[name].format_help()
        for old in command.old_options:
            assert f"{old} " not in text


def test_an_old_name_is_reported_in_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["find"])
    assert capsys.readouterr().err.splitlines()[0] == (
        "`find` is now `analyze`; the old name will be removed in the next release."
    )


def test_a_value_that_is_an_old_name_elsewhere_stays() -> None:
    arguments = ["scan", "trunk", "--name", "colour"]
    assert replace_old_names(arguments) == (arguments, [])


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"{core.__version__}\n"


def test_the_title_of_a_job_names_values_and_defaults() -> None:
    arguments = ["--dataset", "a", "--model", "b", "--flip"]
    assert BUILD_INDEX.title_of(arguments) == "Indexing a with b"
    assert MAP.title_of(["--index", "c"]) == "Mapping c by umap"
    assert EVALUATE.title_of(["--embeddings", "d"]) == "Evaluating d"


def test_every_verb_has_its_own_names() -> None:
    names = [name for each in COMMANDS.values() for name in (each.name, *each.old_names)]
    assert len(names) == len(set(names))


def test_a_query_that_returns_fewer_images_than_asked_for_says_so() -> None:
    match = {"similarity": 0.5, "path": "a.jpg", "label": "cat"}
    result = {"prediction": [], "matches": [match], "shortfall": "127 of 720: this index probes"}
    assert QUERY.describe(result).splitlines() == [
        " 0.5000  a.jpg  cat",
        "127 of 720: this index probes",
    ]
    assert len(QUERY.describe(result | {"shortfall": ""}).splitlines()) == 1
