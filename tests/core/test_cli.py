"""The headless command as a script meets it: exit status, stdout, stderr, what is on disk."""

import csv
import os
import signal
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest
from PIL import ExifTags, Image

from core.artifacts.folders import DRAFT_PREFIX
from core.cli import _run
from core.commands import build_parser
from core.commands.command import Result
from core.jobs.events import EventWriter
from core.lineage.graph import read_lineage
from core.progress import Progress, Work
from core.workspace import open_workspace
from tests.factories.images import class_folders, speckled
from tests.factories.networks import backbone_file
from tests.support.commands import Ended, ended, in_a_process, in_this_process, start
from tests.support.local_server import serve

pytestmark = pytest.mark.usefixtures("small_networks")

ROOT = Path(__file__).parents[2]
NUM_IMAGES = 36
BACKBONE = "mobilenet_v3_large"
MODEL = f"colors-{BACKBONE}-untrained"
FLAT = f"{MODEL}-flat"
MEASURES = ("map_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "precision_at_10")


@dataclass(frozen=True)
class Chain:
    """A workspace in which every verb ran once on three colors, 12 images each."""

    home: Path
    images: Path
    ended: dict[str, Ended]


InProcess = Callable[..., Ended]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    home, images = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("images")
    class_folders(images, red=12, green=12, blue=12)
    commands = {
        "scan": ["scan", str(images), "--name", "colors"],
        "train": [
            *("train", "--dataset", "colors", "--weights", "none", "--backbone", BACKBONE),
            *("--epochs", "0", "--image-size", "64"),
        ],
        "embed": ["embed", "--dataset", "colors", "--model", MODEL],
        "flat": ["index", "--embeddings", MODEL, "--kind", "flat"],
        "map": ["map", "--index", FLAT],
        "ivf": ["index", "--embeddings", MODEL, "--kind", "ivf"],
        "hnsw": ["index", "--dataset", "colors", "--model", MODEL, "--kind", "hnsw"],
        "query": ["query", "--index", FLAT, str(images / "red" / "003.png"), "--k", "5"],
        "evaluate": ["evaluate", "--index", FLAT, "--exact"],
    }
    results = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("core.cli.LINE_EVERY_S", 0.0)  # Each step is printed, however quick
        for verb, arguments in commands.items():
            results[verb] = in_this_process(home, *arguments, "--json")
            assert results[verb].status == 0, results[verb].stderr
    return Chain(home, images, results)


@pytest.fixture
def core() -> InProcess:
    """Runs a command in this process."""
    return in_this_process


@pytest.fixture
def copied(chain: Chain, tmp_path: Path) -> Path:
    """A home like the chain's to spoil: catalogs are copies, files of artifacts are links."""
    copytree(chain.home / "data" / "datasets", tmp_path / "data" / "datasets")
    for part in ("models", "data/embeddings", "data/indexes"):
        copytree(chain.home / part, tmp_path / part, copy_function=os.link)
    return tmp_path


# The whole chain


@pytest.mark.slow
def test_every_verb_succeeds_and_names_what_it_made(chain: Chain) -> None:
    results = {verb: each.result for verb, each in chain.ended.items() if verb != "query"}
    assert {verb: result.get("name") or result["id"] for verb, result in results.items()} == {
        "scan": "colors",
        "train": MODEL,
        "embed": MODEL,
        "flat": FLAT,
        "ivf": f"{MODEL}-ivf",
        "hnsw": f"{MODEL}-hnsw",
        "map": f"{FLAT}-umap",
        "evaluate": f"{FLAT}-test",
    }
    assert (results["scan"]["num_images"], results["scan"]["num_classes"]) == (NUM_IMAGES, 3)
    assert results["train"]["classes"] == ["blue", "green", "red"]
    counted = ("embed", "flat", "ivf", "hnsw", "map")
    assert [results[verb]["count"] for verb in counted] == [NUM_IMAGES] * 5


@pytest.mark.slow
def test_each_verb_runs_in_a_process_of_its_own(copied: Path, chain: Chain) -> None:
    one_after_the_other = {
        "train": [
            *("train", "--dataset", "colors", "--weights", "none", "--backbone", BACKBONE),
            *("--epochs", "0", "--image-size", "32"),
        ],
        "index": ["index", "--dataset", "colors", "--model", f"{MODEL}-2"],
    }
    index = f"{MODEL}-2-flat"  # Of torchvision's own network
    side_by_side = {
        "map": ["map", "--index", index, "--seed", "1"],
        "query": ["query", "--index", index, str(chain.images / "red" / "003.png")],
        "evaluate": ["evaluate", "--index", index],
    }
    results = {}
    for verb, arguments in one_after_the_other.items():
        results[verb] = in_a_process(copied, *arguments, "--json")
    running = {verb: start(copied, *each, "--json") for verb, each in side_by_side.items()}
    results |= {verb: ended(process) for verb, process in running.items()}
    assert results["train"].result["id"] == f"{MODEL}-2"
    assert results["index"].result["count"] == NUM_IMAGES
    assert results["query"].result["matches"][0]["path"] == "red/003.png"
    assert results["evaluate"].result["num_queries"] == 6
    assert all(each.result and each.stderr.strip() for each in results.values())


@pytest.mark.slow
def test_progress_goes_to_stderr(chain: Chain) -> None:
    assert "looking for images" in chain.ended["scan"].stderr
    assert "embedding images" in chain.ended["embed"].stderr
    assert all(each.stderr.strip() for each in chain.ended.values())


def test_what_the_chain_made_fits_together(chain: Chain) -> None:
    lineage = read_lineage(open_workspace(chain.home))
    made = [*lineage.models, *lineage.indexes, *lineage.maps]
    assert len(made) == 5
    assert [lineage.stale_reason(artifact) for artifact in made] == [""] * 5
    assert lineage.damaged == []


def test_an_indexed_file_finds_itself_first(chain: Chain) -> None:
    answer = chain.ended["query"].result
    assert len(answer["matches"]) == 5
    first = answer["matches"][0]
    assert (first["path"], first["label"]) == ("red/003.png", "red")
    assert first["similarity"] >= 0.999
    similarities = [match["similarity"] for match in answer["matches"]]
    assert similarities == sorted(similarities, reverse=True)
    assert {entry["label"] for entry in answer["prediction"]} == {"red", "green", "blue"}
    assert sum(entry["probability"] for entry in answer["prediction"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_so_does_it_in_an_approximate_index(chain: Chain, core: InProcess, kind: str) -> None:
    image = chain.images / "green" / "007.png"
    found = core(chain.home, "query", str(image), "--index", f"{MODEL}-{kind}", "--json").result
    assert found["matches"][0]["path"] == "green/007.png"
    assert found["matches"][0]["similarity"] >= 0.999


def test_more_matches_than_the_index_holds_gives_all(chain: Chain, core: InProcess) -> None:
    image = str(chain.images / "red" / "000.png")
    found = core(chain.home, "query", image, "--index", FLAT, "--k", "100", "--json").result
    assert len({match["path"] for match in found["matches"]}) == NUM_IMAGES


def test_without_json_the_answer_is_for_a_person(chain: Chain, core: InProcess) -> None:
    image = str(chain.images / "red" / "000.png")
    said = core(chain.home, "query", image, "--index", FLAT, "--k", "1")
    assert said.status == 0
    *prediction, between, match = said.stdout.splitlines()
    assert len(prediction) == 3
    assert between == ""
    assert match.split() == ["1.0000", "red/000.png", "red"]


def test_an_evaluation_says_every_measure_twice_and_counts(chain: Chain) -> None:
    measured = chain.ended["evaluate"].result
    for name in MEASURES:
        assert 0 <= measured[name] <= 1
        assert measured[f"{name}_macro"] == pytest.approx(measured[name])  # Classes of one size
    # Of 12 images a class: 2 for test, 1 for validation, 9 for train
    counts = ("num_queries", "num_gallery", "num_classes", "num_skipped")
    assert [measured[name] for name in counts] == [6, 27, 3, 0]
    assert measured["index_recall_at_10"] == 1.0
    assert measured["exact_map_at_10"] == measured["map_at_10"]


def test_an_evaluation_has_a_row_a_query_and_a_row_a_category(chain: Chain) -> None:
    folder = chain.home / "data" / "evaluations" / chain.ended["evaluate"].result["id"]
    with (folder / "queries.csv").open(newline="") as file:
        queries = list(csv.DictReader(file))
    with (folder / "classes.csv").open(newline="") as file:
        categories = list(csv.DictReader(file))
    assert len({row["path"] for row in queries}) == 6
    assert [(row["label"], row["num_queries"]) for row in categories] == [
        ("blue", "2"),
        ("green", "2"),
        ("red", "2"),
    ]
    measured = chain.ended["evaluate"].result
    for name in MEASURES:
        mean = np.mean([float(row[name]) for row in queries])
        assert mean == pytest.approx(measured[name])


def test_images_without_labels_are_searched_but_not_evaluated(
    copied: Path, chain: Chain, core: InProcess
) -> None:
    folder = chain.images / "red"
    assert core(copied, "scan", str(folder), "--name", "flat").status == 0
    making = core(copied, "index", "--dataset", "flat", "--model", MODEL, "--json").result
    assert making["id"] == f"flat-by-{MODEL}-flat"

    image = str(folder / "005.png")
    found = core(copied, "query", image, "--index", making["id"], "--json").result
    said = core(copied, "evaluate", "--index", making["id"], "--json")

    first = found["matches"][0]
    assert (first["path"], first["label"]) == ("005.png", None)
    assert len(found["prediction"]) == 3
    assert (said.status, said.stdout) == (1, "")
    assert "There is nothing to evaluate" in said.stderr


# Which images, and how


def test_some_images_are_embedded_and_indexed_in_another_way(
    copied: Path, chain: Chain, core: InProcess
) -> None:
    which = ("--class", "red", "--class", "blue", "--split", "train")
    how = ("--flip", "--precision", "float32")
    chosen = ("--dataset", "colors", "--model", MODEL, *which, *how, "--json")
    embedded = core(copied, "embed", *chosen).result
    assert (embedded["count"], embedded["num_reused"]) == (18, 0)  # 9 of 12 train, of each class
    made = core(copied, "index", *chosen).result
    assert (made["count"], made["encoding"]["flip"]) == (18, True)
    image = chain.images / "red" / "000.png"
    answer = core(copied, "query", str(image), "--index", made["id"], "--json").result
    assert {match["label"] for match in answer["matches"]} <= {"red", "blue"}


@pytest.mark.slow
def test_a_backbone_is_a_model_without_training(
    copied: Path, chain: Chain, core: InProcess, tmp_path: Path
) -> None:
    weights = backbone_file(tmp_path / "own.pth", "resnet18")
    options = ("--backbone", "resnet18", "--weights", str(weights), "--image-size", "32")
    settings = ("--dataset", "colors", "--dimension", "8", "--whiten", *options)
    made = core(copied, "fit-pca", *settings, "--json").result
    assert (made["id"], made["classes"], made["num_train"]) == ("colors-resnet18-pca", [], 27)
    index = core(copied, "index", "--dataset", "colors", "--model", made["id"], "--json").result
    image = chain.images / "red" / "003.png"
    said = core(copied, "query", str(image), "--index", index["id"], "--k", "1")
    assert said.stdout.split() == ["1.0000", "red/003.png", "red"]
    measured = core(copied, "evaluate", "--index", index["id"], "--json").result
    assert measured["num_queries"] == 6


# Pictures of every kind as queries


def write_odd(kind: str, path: Path) -> None:
    red, blue = speckled("red", 0), speckled("blue", 0)
    match kind:
        case "grayscale.png":
            red.convert("L").save(path)
        case "cmyk.jpg":
            blue.convert("CMYK").save(path)
        case "gray16.png":
            deep = np.asarray(red.convert("L")).astype(np.uint16) * 257
            Image.fromarray(deep).save(path)
        case "palette.gif":
            blue.quantize(16).save(path)
        case "animated.gif":
            blue.save(path, save_all=True, append_images=[red, red])
        case "turned.jpg":
            tags = Image.Exif()
            tags[ExifTags.Base.Orientation] = 6
            blue.save(path, exif=tags)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("cmyk.jpg", "blue"),
        ("palette.gif", "blue"),
        ("animated.gif", "blue"),  # Its first frame
        ("turned.jpg", "blue"),
    ],
)
def test_every_kind_of_picture_is_answered(
    chain: Chain, core: InProcess, tmp_path: Path, kind: str, label: str
) -> None:
    write_odd(kind, tmp_path / kind)
    found = core(chain.home, "query", str(tmp_path / kind), "--index", FLAT, "--json").result
    assert len(found["matches"]) == 10
    assert found["matches"][0]["label"] == label


def test_gray_of_16_bits_is_answered_as_gray_of_8_bits(
    chain: Chain, core: InProcess, tmp_path: Path
) -> None:
    answers = []
    for kind in ("grayscale.png", "gray16.png"):
        write_odd(kind, tmp_path / kind)
        found = core(chain.home, "query", str(tmp_path / kind), "--index", FLAT, "--json").result
        answers.append([match["path"] for match in found["matches"]])
    assert answers[0] == answers[1]


# Bad pictures


def huge_png() -> bytes:
    """A PNG that claims 60,000 x 60,000 pixels and ends where they begin."""
    size = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(size))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + size + checksum + b"\0\0\0\x0aIDAT"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("text.png", "text.png is not an image."),
        ("cut.png", "cut.png ends too early."),
        ("huge.png", "huge.png has 3,600 megapixels"),
        ("missing.png", "missing.png. Check the path and try again."),
    ],
)
def test_a_bad_picture_is_refused_in_one_sentence(
    chain: Chain, core: InProcess, tmp_path: Path, name: str, sentence: str
) -> None:
    whole = (chain.images / "red" / "000.png").read_bytes()
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "huge.png").write_bytes(huge_png())
    said = core(chain.home, "query", str(tmp_path / name), "--index", FLAT, "--json")
    assert (said.status, said.stdout) == (1, "")
    assert sentence in said.stderr.splitlines()[-1]


# Damage and gaps


def spoil(path: Path) -> None:
    """Change one byte at the end; other links to the file keep the old content."""
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["model.safetensors", "manifest.json"])
def test_a_model_edited_by_hand_is_refused_by_its_files_name(
    copied: Path, chain: Chain, core: InProcess, file: str
) -> None:
    spoil(copied / "models" / MODEL / file)
    image = str(chain.images / "red" / "000.png")
    said = core(copied, "query", image, "--index", FLAT, "--json")
    assert (said.status, said.stdout) == (1, "")
    assert f"{MODEL}/{file} is damaged or was changed by hand." in said.stderr


@pytest.mark.parametrize("file", ["index.faiss", "image_ids.npy"])
def test_an_index_edited_by_hand_is_refused_by_its_files_name(
    copied: Path, chain: Chain, core: InProcess, file: str
) -> None:
    spoil(copied / "data" / "indexes" / FLAT / file)
    image = str(chain.images / "red" / "000.png")
    said = core(copied, "query", image, "--index", FLAT)
    assert said.status == 1
    assert f"{FLAT}/{file} is damaged or was changed by hand." in said.stderr


def test_an_index_without_its_model_says_which_one_is_missing(
    copied: Path, chain: Chain, core: InProcess
) -> None:
    rmtree(copied / "models" / MODEL)
    said = core(copied, "query", str(chain.images / "red" / "000.png"), "--index", FLAT)
    assert said.status == 1
    assert f"There is no “{MODEL}”." in said.stderr


def test_one_class_or_none_cannot_be_learnt(core: InProcess, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=5)
    for name, folder in (("one", root), ("none", root / "red")):
        assert core(tmp_path, "scan", str(folder), "--name", name).status == 0
    one = core(tmp_path, "train", "--dataset", "one", "--weights", "none")
    none = core(tmp_path, "train", "--dataset", "none", "--weights", "none")
    assert (one.status, none.status) == (1, 1)
    assert "has only one class, “red”." in one.stderr
    assert "has no labels." in none.stderr


# What needs no chain


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scan", "HOME/nowhere", "--name", "x"], "There is no folder"),
        (["scan", "HOME/file.txt", "--name", "x"], "is a file, not a folder"),
        (["scan", "HOME/empty", "--name", "x"], "holds no images"),
        (["scan", "HOME/texts", "--name", "x"], "holds no images"),
        (["scan", "HOME/texts", "--name", "../x"], "cannot be used as a name"),
        (["rescan", "--dataset", "x"], "There is no dataset “x”."),
        (["train", "--dataset", "x", "--weights", "none"], "There is no dataset “x”."),
        (["embed", "--dataset", "x", "--model", "y"], "There is no dataset “x”."),
        (["index", "--embeddings", "x"], "There is no “x”."),
        (["map", "--index", "x"], "There is no “x”."),
        (["query", "--index", "x", "HOME/file.txt"], "There is no “x”."),
        (["query", "--index", "../x", "HOME/file.txt"], "cannot be used as a name"),
        (["evaluate", "--index", "x"], "There is no “x”."),
        (["jobs", "--stop", "x"], "There is no job “x”."),
    ],
)
def test_what_is_not_there_is_said_with_status_1(
    core: InProcess, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("no image")
    said = core(tmp_path, *(a.replace("HOME", str(tmp_path)) for a in arguments), "--json")
    assert (said.status, said.stdout) == (1, "")
    assert sentence in said.stderr.splitlines()[-1]
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["scan", "."], "required: --name"),
        (["scan", ".", "--name", "x", "--wrong"], "unrecognized arguments: --wrong"),
        (["scan", ".", "--name", "x", "--test", "0.9"], "validation + test must leave"),
        (["generate", "--name", "x", "--per-class", "0"], "per-class must be at least 1"),
        (["train", "--dataset", "x", "--epochs", "ten"], "invalid int value: 'ten'"),
        (["train", "--dataset", "x", "--epochs", "-1"], "epochs must be in"),
        (
            ["index", "--embeddings", "x", "--kind", "tree"],
            "{flat,hnsw,ivf,ivf_pq,sq8,opq_ivf_pq,factory}",
        ),
        (["index", "--dataset", "x"], "index needs either --embeddings"),
        (["index", "--embeddings", "x", "--flip"], "need --dataset and --model instead"),
        (["index", "--embeddings", "x", "--tag", "y"], "need --dataset and --model instead"),
        (["embed", "--dataset", "x", "--model", "y", "--side", "9"], "“9” is not a range"),
        (["embed", "--dataset", "x", "--model", "y", "--precision", "int8"], "invalid choice"),
        (["fit-pca", "--dataset", "x", "--weights", "none"], "weights must be pretrained or"),
        (["fit-pca", "--dataset", "x", "--pooling", "sum"], "invalid choice: 'sum'"),
        (["map", "--index", "x", "--neighbors", "1"], "neighbors must be in"),
        (["query", "--index", "x", "a.png", "--k", "0"], "k must be in 1..1000, got 0"),
        (["query", "--index", "x", "a.png", "--k", "1001"], "k must be in 1..1000, got 1001"),
        (
            ["evaluate", "--index", "x", "--queries", "train"],
            "invalid choice: 'train' (choose from 'test', 'validation')",
        ),
    ],
)
def test_wrong_usage_is_said_with_status_2(
    core: InProcess, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    said = core(tmp_path, *arguments)
    assert (said.status, said.stdout) == (2, "")
    assert sentence in said.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"), [(["scan", "/nowhere", "--name", "x", "--json"], 1), (["fly"], 2)]
)
def test_a_process_exits_with_the_status_too(
    tmp_path: Path, arguments: list[str], status: int
) -> None:
    said = in_a_process(tmp_path, *arguments)
    assert (said.status, said.stdout) == (status, "")
    assert said.stderr


def test_no_job_runs_in_an_empty_home(core: InProcess, tmp_path: Path) -> None:
    assert core(tmp_path, "jobs", "--json").result == {"jobs": []}
    assert core(tmp_path, "jobs").stdout == "No jobs.\n"


@pytest.mark.slow
def test_a_verb_with_nothing_to_do_says_so(core: InProcess, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    assert core(tmp_path, "scan", str(root), "--name", "x").status == 0
    assert core(tmp_path, "verify", "--dataset", "x", "--json").result["num_verified"] == 2
    again = core(tmp_path, "verify", "--dataset", "x")
    assert (again.status, again.stdout.splitlines()) == (
        0,
        ["Dataset x: 2 images, 1 classes, 0 unreadable files. All were verified before."],
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["verify", "--dataset", "colors"], "All were verified before."),
        (["rescan", "--dataset", "colors"], "No file has changed."),
        (["update-index", "--index", FLAT], f"{FLAT} has all images of its dataset already."),
        (["rebuild", "--index", FLAT], "Everything is up to date."),
    ],
)
def test_every_verb_with_nothing_to_do_says_so_and_succeeds(
    copied: Path, core: InProcess, arguments: list[str], sentence: str
) -> None:
    if arguments[0] == "verify":
        core(copied, *arguments)
    said = core(copied, *arguments)
    assert said.status == 0, said.stderr
    assert sentence in said.stdout
    again = core(copied, *arguments, "--json")
    assert (again.status, "Traceback" in again.stderr) == (0, False)
    assert sorted(os.listdir(copied / "data" / "indexes")) == sorted(
        [FLAT, f"{MODEL}-ivf", f"{MODEL}-hnsw"]
    )


def test_a_verb_without_a_step_succeeds() -> None:
    def nothing() -> Work[Result]:
        return {"found": 0}
        yield Progress(0, 0)

    assert _run(nothing(), EventWriter(Path(os.devnull)), build_parser()) == {"found": 0}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["missing.jpg"], "There is no file missing.jpg. Check the path and try again."),
        (["no/such/folder/a b.jpg"], "There is no file no/such/folder/a b.jpg."),
        (["."], ". is a folder. Search by its images with query-batch."),
        (["http://127.0.0.1/a.jpg"], "127.0.0.1 is this computer or in a private network"),
        (["--url", "http://localhost/a.jpg"], "localhost is this computer or in a private network"),
        (["--url", "a.jpg"], "“a.jpg” is not a web address."),
    ],
)
def test_an_image_that_cannot_be_had_is_one_sentence(
    chain: Chain, core: InProcess, given: list[str], sentence: str
) -> None:
    said = core(chain.home, "query", "--index", FLAT, *given)
    assert (said.status, said.stdout) == (1, "")
    assert sentence in said.stderr
    assert "any more" not in said.stderr


@pytest.mark.parametrize("option", [[], ["--url"]])
def test_an_image_on_the_web_is_searched(
    chain: Chain, core: InProcess, monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    monkeypatch.setattr("core.net.public_fetch.is_public", lambda _: True)
    content = (chain.images / "red" / "003.png").read_bytes()
    with serve(**{"red.png": content}) as server:
        said = core(
            chain.home, "query", *option, f"{server.url}/red.png", "--index", FLAT, "--json"
        )
    assert said.result["matches"][0]["path"] == "red/003.png"


@pytest.mark.parametrize("given", [[], ["a.jpg", "--url", "http://example.org/a.jpg"]])
def test_a_query_takes_one_image(chain: Chain, core: InProcess, given: list[str]) -> None:
    said = core(chain.home, "query", "--index", FLAT, *given)
    assert said.status == 2
    assert "query needs an image, or --url with the address of one" in said.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_with_130_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "generate", "--name", "many", "--per-class", "100000", "--json")
    assert process.stderr
    next(line for line in process.stderr if "drawing" in line)
    next(line for line in process.stderr if "drawing" in line)  # Some pictures are on disk by now
    pictures = list((tmp_path / "data" / "datasets").glob(f"{DRAFT_PREFIX}*/images/*/*.png"))
    process.send_signal(number)

    said = ended(process)

    assert pictures
    assert (said.status, said.stdout) == (130, "")
    assert "Stopped; no file is incomplete." in said.stderr
    assert left_behind(tmp_path) == []


def left_behind(home: Path) -> list[Path]:
    """Datasets and models, finished or half-made."""
    return [*(home / "data" / "datasets").glob("*"), *(home / "models").glob("*")]
