"""Images whose decoder raises, crashes, hangs or fills the memory end no job."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.datasets.importing.scan import Source, add_folder
from core.datasets.importing.uploads import keep_uploads
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.verification import check_images
from core.embeddings.embed import embed_dataset
from core.errors import UnreadableImageError
from core.images.isolation import check_image
from core.images.thumbnails import cache_thumbnails
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.query.batch.config import BatchConfig, BatchFormat
from core.query.batch.run import query_batch
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace
from tests.factories.images import class_folders
from tests.factories.networks import publish_network
from tests.factories.trainings import TINY

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_networks", "odd_decoders")]

PROBLEMS = {
    "raise AssertionError": "is damaged.",
    "raise StrangeError": "crashes the image decoder.",
    "kill": "crashes the image decoder.",
    "fill": "takes too much memory to decode.",
    "hang": "takes longer than 20 seconds to decode.",
}
NUM_GOOD = 20


def odd_files(when: str) -> dict[str, bytes]:
    return {
        f"{number}-odd.jpg": f"ODD {when} {how}".encode() for number, how in enumerate(PROBLEMS)
    }


def colors(workspace: Workspace, root: Path, when: str) -> Dataset:
    """A dataset of good images, and odd ones among them."""
    class_folders(root, red=NUM_GOOD // 2, green=NUM_GOOD // 2)
    for name, content in odd_files(when).items():
        (root / "red" / name).write_bytes(content)
    source = Source(root=root)
    return finish(add_folder(workspace, "colors", source, SplitConfig(validation=0.2)))


def problems_of(dataset: Dataset) -> list[str]:
    return [str(row.problem) for row in dataset.catalog.problems()]


EXPECTED = [f"{number}-odd.jpg {problem}" for number, problem in enumerate(PROBLEMS.values())]


def test_a_scan_lists_files_whose_header_cannot_be_read(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = colors(workspace, tmp_path / "in", "open")
    assert problems_of(dataset) == EXPECTED
    assert dataset.catalog.count() == NUM_GOOD


def test_a_check_lists_images_that_cannot_be_decoded(workspace: Workspace, tmp_path: Path) -> None:
    dataset = colors(workspace, tmp_path / "in", "load")
    assert (problems_of(dataset), finish(check_images(dataset))) == ([], NUM_GOOD + 5)
    assert problems_of(dataset) == EXPECTED
    rows = [row for row in dataset.catalog.rows() if row.problem is None]
    assert len(list(dataset.thumbnails.rglob("*.jpg"))) == len(rows) == NUM_GOOD


def test_embeddings_and_a_batch_query_lack_these_images_only(
    workspace: Workspace, tmp_path: Path
) -> None:
    colors(workspace, tmp_path / "in", "load")
    model = publish_network(workspace, side=32, backbone="resnet18", dimension=8)
    manifest = finish(embed_dataset(workspace, "colors", model.id))
    assert manifest.summary["count"] == NUM_GOOD
    assert list(manifest.summary["problems"].values()) == EXPECTED
    index = finish(build_index(workspace, manifest.id, IndexConfig()))
    config = BatchConfig(index=index.id, k=3, format=BatchFormat.PARQUET)
    batch = finish(query_batch(workspace, tmp_path / "in", config))
    assert (batch.num_searched, batch.num_unreadable) == (NUM_GOOD, 5)
    found = [text for text in pq.read_table(batch.path)["problem"].to_pylist() if text]
    assert sorted(found) == EXPECTED


def test_a_training_leaves_these_images_out(workspace: Workspace, tmp_path: Path) -> None:
    colors(workspace, tmp_path / "in", "load")
    model = finish(
        train(
            workspace,
            TrainConfig(
                dataset="colors",
                **TINY | {"epochs": 1},
            ),
        )
    )
    assert model.summary["classes"] == ["green", "red"]


def test_an_upload_and_a_gallery_say_why(workspace: Workspace, tmp_path: Path) -> None:
    dataset = colors(workspace, tmp_path / "in", "load")
    kept, rejected = keep_uploads(dataset, list(odd_files("load").items()))
    assert (kept, rejected) == (0, EXPECTED)
    images = [(dataset.path_of(row), row.sha256) for row in dataset.catalog.rows()]
    cache_thumbnails(images, dataset.thumbnails)
    assert len(list(dataset.thumbnails.rglob("*.jpg"))) == NUM_GOOD
    with pytest.raises(UnreadableImageError, match="crashes the image decoder"):
        check_image(tmp_path / "in" / "red" / "2-odd.jpg")
    assert open_dataset(workspace, "colors").catalog.count() == NUM_GOOD + 5
