"""Many queries at once: a folder or a zip in, a table out."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pyarrow import parquet

from core import cli
from core.artifacts.folders import delete_artifact, remove_stale_drafts
from core.datasets.importing import archive_budget
from core.datasets.registry import open_dataset
from core.embeddings.config import EmbedConfig
from core.embeddings.embed import embed_dataset
from core.errors import MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.models.devices import choose_device
from core.progress import Progress, Stop, finish
from core.query.batch import table as table_module
from core.query.batch.config import BatchConfig, BatchFormat
from core.query.batch.listing import Batch, delete_batch, list_batches
from core.query.batch.run import NOT_REACHED, query_batch
from core.query.batch.table import COLUMNS, LISTS, first_rows
from core.query.query import SearchOptions
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid, speckled
from tests.factories.networks import publish_network
from tests.factories.queries import search_workspace
from tests.support.processes import wait_for

pytestmark = pytest.mark.usefixtures("small_networks")

SIDE = 32
BATCH_SIZE = choose_device().batch_size
INDEX = "some-flat"
PER_COLOR = 4


@dataclass(frozen=True)
class Home:
    """A workspace with an index over three colors, four images each."""

    workspace: Workspace
    images: Path
    """The folder of the dataset."""

    queries: Path
    """A folder for queries; not there yet."""

    def ask(self, source: Path | None = None, **config: object) -> Batch:
        wanted = BatchConfig(**{"index": INDEX, "k": 3} | config)  # type: ignore[arg-type]
        return finish(query_batch(self.workspace, source or self.queries, wanted))

    @property
    def left(self) -> list[Path]:
        """All that was written into the exports."""
        return list(self.workspace.exports.rglob("*"))

    @property
    def ids(self) -> dict[str, int]:
        return {row.path: row.id for row in open_dataset(self.workspace, "colors").catalog.rows()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The home that is copied for each test, and its images."""
    home, images = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("images")
    workspace = Workspace(home)
    class_folders(images, red=PER_COLOR, green=PER_COLOR, blue=PER_COLOR)
    bring_in(workspace, images)
    torch.manual_seed(0)  # The same weights whichever tests ran before
    model = publish_network(workspace, side=SIDE, backbone="resnet18", dimension=8)
    embeddings = finish(embed_dataset(workspace, "colors", model.id, EmbedConfig()))
    finish(build_index(workspace, embeddings.id, IndexConfig()))
    return home, images


@pytest.fixture
def home(made: tuple[Path, Path], tmp_path: Path) -> Home:
    shutil.copytree(made[0], tmp_path / "home")
    return Home(Workspace(tmp_path / "home"), made[1], tmp_path / "queries")


def read(batch: Batch) -> pd.DataFrame:
    """Read a table as the docstring of table.py says; a list is a list."""
    if batch.format == BatchFormat.PARQUET:
        table = pd.read_parquet(batch.path)
        for name in LISTS:
            table[name] = table[name].map(list)
        return table
    return pd.read_csv(
        batch.path,
        dtype=dict.fromkeys(["query", "problem", "prediction"], str),
        converters=dict.fromkeys(LISTS, json.loads),
        keep_default_na=False,
        na_values={"probability": "", "copy_of": ""},
    )


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def many(folder: Path, count: int) -> Path:
    """Write so many different pictures, whose names sort as they are numbered."""
    folder.mkdir()
    for number in range(count):
        speckled("red", seed=100 + number).save(folder / f"{number:03}.png")
    return folder


# What a row says


def test_each_row_is_the_answer_that_its_image_gets_alone(home: Home) -> None:
    for color in ("red", "blue"):
        (home.queries / color).mkdir(parents=True)
        speckled(color, seed=77).save(home.queries / color / "new.png")
    batch = home.ask()
    assert (batch.num_queries, batch.num_searched, batch.num_unreadable) == (2, 2, 0)
    assert batch.file_name.endswith("-queries.csv")
    assert (batch.source, batch.index, batch.dataset) == ("queries", INDEX, "colors")
    table = read(batch)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["query"]) == ["blue/new.png", "red/new.png"]
    for row in table.to_dict("records"):
        # A batch of one is added up in another order than a batch of two
        file = home.queries / row["query"]
        alone = search_workspace(home.workspace, INDEX, file, SearchOptions(k=3)).as_json()
        best = alone["prediction"][0]
        assert row["prediction"] == best["label"]
        assert row["probability"] == pytest.approx(best["probability"], abs=1e-3)
        assert row["match_ids"] == [match["image_id"] for match in alone["matches"]]
        assert row["match_paths"] == [match["path"] for match in alone["matches"]]
        assert row["match_labels"] == [match["label"] for match in alone["matches"]]
        expected = [match["similarity"] for match in alone["matches"]]
        assert row["similarities"] == pytest.approx(expected, abs=1e-4)
        assert pd.isna(row["copy_of"])


def test_csv_and_parquet_say_the_same_to_the_last_digit(home: Home) -> None:
    shutil.copytree(home.images, home.queries)
    (home.queries / "broken.png").write_bytes(b"no picture")
    as_csv, as_parquet = (read(home.ask(format=form)) for form in BatchFormat)
    assert len(as_csv) == 3 * PER_COLOR + 1
    for name in ("query", "prediction", "problem"):
        assert list(as_csv[name].replace("", None)) == list(as_parquet[name]), name
    for name in ("match_ids", "match_paths", "match_labels"):
        assert list(as_csv[name]) == list(as_parquet[name]), name
    for csv_row, row in zip(as_csv["similarities"], as_parquet["similarities"], strict=True):
        assert np.array(csv_row, np.float32).tolist() == np.array(row, np.float32).tolist()
    numbers = as_csv["similarities"].explode().dropna()
    assert any(number != round(number, 5) for number in numbers)
    assert as_csv["probability"].astype("float32").equals(as_parquet["probability"])
    assert as_csv["copy_of"].equals(as_parquet["copy_of"].astype("float64"))


def test_an_indexed_image_finds_itself_and_a_copy_is_told_from_a_look_alike(home: Home) -> None:
    home.queries.mkdir()
    original = home.images / "green" / "002.png"
    shutil.copy(original, home.queries / "copy.png")
    speckled("green", seed=2).save(home.queries / "same-pixels.bmp")
    table = read(home.ask(k=1)).set_index("query")
    found = home.ids["green/002.png"]
    assert list(table["match_ids"]) == [[found], [found]]
    assert [match[0] for match in table["similarities"]] == pytest.approx([1, 1], abs=1e-5)
    assert table["copy_of"]["copy.png"] == found
    assert pd.isna(table["copy_of"]["same-pixels.bmp"])


def test_what_cannot_be_read_has_a_row_with_its_problem(home: Home) -> None:
    home.queries.mkdir()
    good = png(speckled("red", seed=5))
    (home.queries / "1-good.png").write_bytes(good)
    (home.queries / "2-cut.png").write_bytes(good[:200])
    (home.queries / "3-text.png").write_bytes(b"no picture at all")
    (home.queries / "4-good.png").write_bytes(good)
    batch = home.ask()
    assert (batch.num_queries, batch.num_searched, batch.num_unreadable) == (4, 2, 2)
    table = read(batch)
    assert list(table["query"]) == ["1-good.png", "2-cut.png", "3-text.png", "4-good.png"]
    assert list(table["problem"]) == [
        *("", "2-cut.png ends too early.", "3-text.png is not an image.", "")
    ]
    assert list(table["match_ids"].map(len)) == [3, 0, 0, 3]
    assert table["match_ids"][0] == table["match_ids"][3]


def test_a_model_without_classes_predicts_nothing(home: Home) -> None:
    model = publish_network(
        home.workspace, "mute", side=SIDE, classes=[], backbone="resnet18", dimension=8
    )
    embeddings = finish(embed_dataset(home.workspace, "colors", model.id, EmbedConfig()))
    index = finish(build_index(home.workspace, embeddings.id, IndexConfig()))
    [row] = read(home.ask(many(home.queries, 1), index=index.id)).to_dict("records")
    assert row["prediction"] == ""
    assert pd.isna(row["probability"])
    assert len(row["match_ids"]) == 3


def test_more_matches_than_the_index_holds_gives_all_and_a_removed_image_has_no_path(
    home: Home,
) -> None:
    gone = home.ids["blue/000.png"]
    open_dataset(home.workspace, "colors").catalog.forget([gone])
    [row] = read(home.ask(many(home.queries, 1), k=1000)).to_dict("records")
    assert sorted(row["match_ids"]) == sorted([*home.ids.values(), gone])
    place = row["match_ids"].index(gone)
    assert (row["match_paths"][place], row["match_labels"][place]) == (None, None)
    assert None not in row["match_paths"][:place] + row["match_paths"][place + 1 :]


def test_a_parquet_table_is_written_in_parts_and_knows_what_it_was_made_from(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MATCHES_AT_ONCE", 3 * BATCH_SIZE)
    many(home.queries, 2 * BATCH_SIZE + 1)
    batch = home.ask(format=BatchFormat.PARQUET)
    file = parquet.ParquetFile(batch.path)
    groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert groups == [BATCH_SIZE, BATCH_SIZE, 1]
    facts = json.loads(file.schema_arrow.metadata[b"results_of"])
    assert (facts["index"], facts["k"], facts["made_from"]["model"]) == (INDEX, 3, "some")
    assert list(read(batch)["query"]) == [f"{number:03}.png" for number in range(33)]


@pytest.mark.parametrize("form", BatchFormat)
def test_the_first_rows_can_be_looked_at(home: Home, form: BatchFormat) -> None:
    many(home.queries, 3)
    (home.queries / "001.png").write_bytes(b"no picture")
    batch = home.ask(format=form)
    rows = first_rows(batch.path, form, 2)
    assert list(rows.columns) == list(COLUMNS)
    assert list(rows["query"]) == ["000.png", "001.png"]
    assert list(rows["match_ids"]) == [list(found) for found in read(batch)["match_ids"][:2]]
    assert rows["match_paths"].str[0][0] == read(batch)["match_paths"][0][0]
    assert pd.isna(rows["match_paths"].str[0][1])
    assert rows["problem"][1] == "001.png is not an image."


# Where queries come from


def test_odd_names_are_answered_and_come_back_as_they_are(home: Home) -> None:
    names = ["=1+1.png", "@a,b.png", '"quoted".png', "two\nlines.png", "größer 🐟.png", "NA.png"]
    odd = home.queries / "[x](y)"
    odd.mkdir(parents=True)
    for seed, name in enumerate(names):
        speckled("blue", seed=seed).save(odd / name)
    speckled("red", seed=9).save(odd / "plain.png")
    os.rename(odd / "plain.png", os.fsencode(odd) + b"/\xff.png")
    os.mkfifo(home.queries / "pipe.png")
    (home.queries / "loop").symlink_to(home.queries)
    (home.queries / ".hidden.png").write_bytes(b"")
    for form in BatchFormat:
        batch = home.ask(format=form)
        assert batch.num_searched == batch.num_queries == 7
        found = set(read(batch)["query"])
        assert found == {f"[x](y)/{name}" for name in [*names, "\\xff.png"]}


def test_a_zip_is_answered_and_what_does_not_come_out_of_it_is_listed_last(home: Home) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/bad.png", b"BAD" * 100)
        archive.writestr("pets/good.png", png(speckled("red", seed=3)))
        archive.writestr("pets/text.png", b"no picture")
        archive.writestr("__MACOSX/pets/._good.png", b"clutter")
        archive.writestr("read me.txt", b"clutter")
    home.queries.with_suffix(".zip").write_bytes(stream.getvalue().replace(b"BADBAD", b"BADbad"))
    batch = home.ask(home.queries.with_suffix(".zip"))
    table = read(batch)
    assert list(table["query"]) == ["pets/good.png", "pets/text.png", "a/bad.png"]
    assert list(table["problem"]) == [
        "",
        "text.png is not an image.",
        "It is damaged in the archive; pack it again.",
    ]
    assert (batch.num_queries, batch.num_searched, batch.num_unreadable) == (3, 1, 2)
    assert table["match_ids"][0][0] == home.ids["red/003.png"]
    assert {path.name for path in home.left} == {
        *("batches", batch.id, "results.csv", "manifest.json")
    }


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"good.png": png(solid("red")), "../evil.png": b""}, "outside its folder"),
        ({"zeros.png": bytes(5_000_000)}, r"would grow to [\d,]+ times"),
        ({"notes.txt": b"text"}, "holds no images"),
    ],
)
def test_a_hostile_zip_is_refused_and_leaves_nothing(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    entries: dict[str, bytes],
    match: str,
) -> None:
    monkeypatch.setattr(archive_budget, "MAX_ARCHIVE_BYTES", 1_000_000)
    with pytest.raises(WorkbenchError, match=match):
        home.ask(zipped(tmp_path / "pets.zip", entries))
    assert home.left == [home.workspace.batches]
    assert not list(tmp_path.rglob("evil.png"))


def test_a_cut_or_locked_zip_is_refused(home: Home, tmp_path: Path) -> None:
    path = zipped(tmp_path / "pets.zip", {"good.png": png(solid("red"))})
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(WorkbenchError, match=r"pets\.zip is damaged or was cut off"):
        home.ask(path)
    start = whole.index(b"PK\x01\x02") + 8  # The flags of the first entry in the directory
    path.write_bytes(whole[:start] + bytes([whole[start] | 1]) + whole[start + 1 :])
    with pytest.raises(WorkbenchError, match="encrypted with a password"):
        home.ask(path)


def test_without_a_readable_image_there_is_a_sentence_and_no_table(home: Home) -> None:
    with pytest.raises(MissingError, match="There is no folder or zip"):
        home.ask()
    home.queries.mkdir()
    with pytest.raises(WorkbenchError, match="holds no images"):
        home.ask()
    (home.queries / "a.png").write_bytes(b"no picture")
    with pytest.raises(WorkbenchError, match=r"None of the 1 .* The first is a\.png: a\.png is"):
        home.ask()
    assert home.left == [home.workspace.batches]


@pytest.mark.parametrize("k", [0, 1001])
def test_k_is_from_1_to_1000(k: int) -> None:
    with pytest.raises(ValueError, match=rf"k must be in 1\.\.1000, got {k}"):
        BatchConfig(index=INDEX, k=k)


def test_an_index_without_its_own_model_answers_nothing(home: Home) -> None:
    many(home.queries, 1)
    delete_artifact(home.workspace.models, "some")
    with pytest.raises(MissingError, match="There is no “some”"):
        home.ask()
    publish_network(home.workspace, "some", side=SIDE, backbone="resnet18", dimension=8)
    with pytest.raises(WorkbenchError, match="another model than some is now"):
        home.ask()


# Stopping, and being stopped


def progress_of(work: object) -> Progress:
    event = next(work)  # type: ignore[call-overload]
    while not event.note.startswith("searching"):
        event = next(work)  # type: ignore[call-overload]
    assert isinstance(event, Progress)
    return event


def stopped(home: Home, source: Path, form: BatchFormat = BatchFormat.CSV) -> Batch:
    """Stop a batch once its first images are answered."""
    config = BatchConfig(index=INDEX, k=3, format=form)
    work = query_batch(home.workspace, source, config)
    reached = progress_of(work)
    assert (reached.done, reached.total) == (BATCH_SIZE, 2 * BATCH_SIZE + 5)
    with pytest.raises(StopIteration) as end:
        work.throw(Stop())
    assert isinstance(end.value.value, Batch)
    return end.value.value


@pytest.mark.parametrize("form", BatchFormat)
def test_a_stop_keeps_what_is_answered_and_says_of_the_rest_that_it_is_not(
    home: Home, form: BatchFormat
) -> None:
    many(home.queries, 2 * BATCH_SIZE + 5)
    batch = stopped(home, home.queries, form)
    assert batch.stopped
    assert batch.id.endswith("-queries-stopped")
    assert (batch.num_queries, batch.num_searched, batch.num_unreadable) == (37, BATCH_SIZE, 0)
    table, whole = read(batch), read(home.ask(format=form))
    assert list(table["query"]) == list(whole["query"])
    assert (table["problem"][BATCH_SIZE:] == NOT_REACHED).all()
    assert table[:BATCH_SIZE].equals(whole[:BATCH_SIZE])
    assert not table["match_ids"][BATCH_SIZE:].map(len).any()


def test_a_stopped_zip_lists_what_did_not_come_out_of_it_too(home: Home, tmp_path: Path) -> None:
    entries = {f"{n:03}.png": png(speckled("red", seed=n)) for n in range(2 * BATCH_SIZE + 5)}
    deep = "/".join(["deep", "folders", "that", "none", "looks", "into"] * 3) + "/far.png"
    batch = stopped(home, zipped(tmp_path / "a.zip", {deep: png(solid("red")), **entries}))
    assert (batch.num_queries, batch.num_searched, batch.num_unreadable) == (38, BATCH_SIZE, 1)
    assert list(read(batch)["problem"][-2:]) == [
        NOT_REACHED,
        "It is nested more than 12 folders deep.",
    ]


def test_a_stop_before_the_first_answer_keeps_nothing(home: Home) -> None:
    many(home.queries, 2)
    work = query_batch(home.workspace, home.queries, BatchConfig(index=INDEX))
    assert [next(work).note for _ in range(2)] == ["opening the model", "looking for images"]  # type: ignore[union-attr]
    with pytest.raises(Stop):
        work.throw(Stop())
    assert home.left == [home.workspace.batches]


def test_a_stop_while_nothing_could_be_read_yet_keeps_nothing(home: Home) -> None:
    home.queries.mkdir()
    for number in range(2 * BATCH_SIZE):
        (home.queries / f"{number:03}.png").write_bytes(b"no picture")
    work = query_batch(home.workspace, home.queries, BatchConfig(index=INDEX))
    progress_of(work)
    with pytest.raises(Stop):
        work.throw(Stop())
    assert home.left == [home.workspace.batches]


def test_given_up_it_leaves_nothing(home: Home) -> None:
    work = query_batch(home.workspace, many(home.queries, 2 * BATCH_SIZE), BatchConfig(index=INDEX))
    progress_of(work)
    assert len(list(home.workspace.batches.iterdir())) == 2
    work.close()
    assert home.left == [home.workspace.batches]


@pytest.mark.slow
def test_a_kill_leaves_nothing_that_could_be_taken_for_a_table(home: Home) -> None:
    many(home.queries, 100 * BATCH_SIZE)
    command = ["query-batch", str(home.queries), "--index", INDEX, "--k", "1000"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.support.small_core"),
            *(*command, "--home", str(home.workspace.home)),
        ],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        begun = ".draft-*/results.csv"
        wait_for(
            lambda: any(path.stat().st_size for path in home.workspace.batches.glob(begun)),
            timeout=120,
        )
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list_batches(home.workspace, "colors") == []
    remove_stale_drafts(home.workspace.batches)
    assert home.left == [home.workspace.batches]


# Tables that there are


def test_tables_are_listed_newest_first_and_deleted_one_by_one(home: Home) -> None:
    many(home.queries, 1)
    first, second = home.ask(), home.ask(format=BatchFormat.PARQUET)
    assert second.id == f"{first.id}-2"
    assert list_batches(home.workspace, "colors") == [second, first]
    assert list_batches(home.workspace, "others") == []
    delete_batch(home.workspace, first.id)
    assert list_batches(home.workspace, "colors") == [second]
    with pytest.raises(MissingError):
        delete_batch(home.workspace, first.id)
    assert list(home.queries.iterdir()) == [home.queries / "000.png"]


# The headless command


def test_the_command_says_what_it_made_and_removes_only_the_zip(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = {"a.png": png(speckled("red", seed=1)), "b.png": b"no picture"}
    archive = zipped(tmp_path / "pets.zip", entries)
    asked = ["query-batch", str(archive), "--index", INDEX, "--home", str(home.workspace.home)]
    assert cli.main([*asked, "--k", "2", "--format", "parquet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["num_queries"], result["num_searched"]) == (2, 1)
    table = pd.read_parquet(result["path"])
    assert list(table["query"]) == ["a.png", "b.png"]
    assert len(table["match_ids"][0]) == 2
    assert archive.exists()
    assert cli.main([*asked, "--remove"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 of 2 queries searched, 1 unreadable: ")
    assert Path(said.strip().partition(": ")[2]).name == "results.csv"
    assert not archive.exists()


def test_the_command_never_removes_a_folder(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    many(home.queries, 1)
    asked = ["query-batch", str(home.queries), "--index", INDEX, "--remove"]
    with pytest.raises(SystemExit) as end:
        cli.main([*asked, "--home", str(home.workspace.home)])
    assert end.value.code == 2
    assert "a folder of images is never deleted" in capsys.readouterr().err
    assert (home.queries / "000.png").is_file()
