import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.embeddings.files import open_embeddings
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import Index, build_index, open_index
from core.models.batches import load_square
from core.models.model import Model, load_model
from core.models.preprocessing import Preprocessing
from core.progress import finish
from core.query.opened import check_model, open_for_search
from core.query.pipeline import nearest_to_image
from core.query.query import SearchOptions
from core.query.result import Match, QueryResult
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace
from tests.factories.images import class_folders, speckled
from tests.factories.queries import search_by_file
from tests.factories.toy import TOY_IMAGES, ToySet
from tests.factories.vectors import at_angles

pytestmark = pytest.mark.usefixtures("small_networks")

NUM_IMAGES = 36
SIDE = 32
INPUT = Preprocessing(image_size=SIDE)


# Neighbors of an indexed image


def neighbors_of(toy: ToySet, index: Index, image_id: int, k: int) -> list[Match]:
    dataset = open_dataset(toy.workspace, "toy")
    embeddings = open_embeddings(toy.workspace, index.embeddings)
    return nearest_to_image(index.store, dataset, embeddings, image_id, k)


def test_the_neighbors_of_an_image_leave_it_out(toy: ToySet) -> None:
    index = open_index(toy.workspace, toy.index())
    found = neighbors_of(toy, index, toy.ids["blue/001.png"], k=2)
    paths = [match.image.path for match in found if match.image]
    assert paths == ["blue/003.png", "blue/002.png"]
    cosines = np.cos(np.deg2rad([1, 44])).tolist()
    assert [match.similarity for match in found] == pytest.approx(cosines)


def test_more_neighbors_than_there_are_gives_all_the_others(toy: ToySet) -> None:
    index = open_index(toy.workspace, toy.index())
    found = neighbors_of(toy, index, toy.ids["red/000.png"], k=100)
    assert len(found) == len(TOY_IMAGES) - 1


def test_an_image_that_is_not_indexed_has_no_neighbors(toy: ToySet) -> None:
    index = open_index(toy.workspace, toy.index())
    assert neighbors_of(toy, index, 999, k=2) == []


def test_a_neighbor_that_was_removed_from_the_dataset_has_no_row(toy: ToySet) -> None:
    index = open_index(toy.workspace, toy.index())
    catalog = open_dataset(toy.workspace, "toy").catalog
    gone = toy.ids["blue/003.png"]
    catalog.forget([gone])

    found = neighbors_of(toy, index, toy.ids["blue/001.png"], k=2)

    assert [match.image_id for match in found] == [gone, toy.ids["blue/002.png"]]
    assert found[0].image is None
    assert found[1].image is not None


def test_an_index_that_was_changed_by_hand_is_refused(toy: ToySet) -> None:
    name = toy.index()
    path = toy.workspace.indexes / name / "index.faiss"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=f"{name}/index.faiss is damaged"):
        open_index(toy.workspace, name)


def test_embeddings_that_were_changed_by_hand_are_not_indexed(toy: ToySet) -> None:
    np.save(toy.workspace.embeddings / toy.embeddings.id / "vectors.npy", at_angles(0, 1))
    with pytest.raises(DamagedArtifactError, match="toy/vectors.npy is damaged"):
        toy.index()


# With a network


@dataclass(frozen=True)
class Chain:
    """An untrained network, the embeddings of 36 pictures in three colors, and an index."""

    workspace: Workspace
    model: Model
    embeddings: Manifest
    index: Index

    def path_of(self, image_id: int) -> Path:
        dataset = open_dataset(self.workspace, "colors")
        return dataset.path_of(dataset.catalog.rows_by_id([image_id])[image_id])

    def pixels_of(self, image_id: int) -> NDArray[np.uint8]:
        return load_square(self.path_of(image_id), INPUT)

    def search(
        self, number: int, options: SearchOptions, image_id: int | None = None
    ) -> QueryResult:
        """Search by the file of an image, as an upload or as the image of that id."""
        opened = open_for_search(self.workspace, self.index.manifest.id)
        return search_by_file(opened, self.path_of(number), options, image_id)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    home = tmp_path_factory.mktemp("chain")
    workspace = Workspace(home)
    root = class_folders(home / "in", red=12, green=12, blue=12)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig()))
    config = TrainConfig(
        dataset="colors",
        weights="none",
        backbone="vgg16_bn",
        trainable_blocks=5,
        image_size=SIDE,
        epochs=0,
    )
    trained = finish(train(workspace, config))
    embeddings = finish(embed_dataset(workspace, "colors", trained.id))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    model = load_model(workspace, trained.id)
    return Chain(workspace, model, embeddings, open_index(workspace, index.id))


def test_embeddings_are_unit_rows_under_their_catalog_ids(chain: Chain) -> None:
    opened = open_embeddings(chain.workspace, chain.embeddings.id)
    assert (opened.vectors.shape, opened.vectors.dtype.name) == ((NUM_IMAGES, 128), "float32")
    np.testing.assert_allclose(np.linalg.norm(opened.vectors, axis=1), 1, atol=1e-5)
    rows = open_dataset(chain.workspace, "colors").catalog.rows()
    assert opened.image_ids.dtype == np.int64
    assert opened.image_ids.tolist() == [row.id for row in rows]
    assert opened.rows_of(np.array([999, rows[7].id], np.int64)).tolist() == [7]


def test_embedding_again_returns_what_is_there(chain: Chain) -> None:
    again = finish(embed_dataset(chain.workspace, "colors", chain.model.id))
    assert again == chain.embeddings
    assert len(list(chain.workspace.embeddings.glob("colors*"))) == 1


def test_a_model_gives_unit_embeddings_and_probabilities(chain: Chain) -> None:
    embeddings, probabilities = chain.model.embed(np.stack([chain.pixels_of(1)] * 2))
    assert (embeddings.shape, embeddings.dtype.name) == ((2, 128), "float32")
    assert (probabilities.shape, probabilities.dtype.name) == ((2, 3), "float32")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_an_indexed_image_finds_itself_first(chain: Chain) -> None:
    result = chain.search(20, SearchOptions(k=5))
    assert len(result.matches) == 5
    assert result.matches[0].image_id == 20
    assert result.matches[0].similarity >= 0.999
    probabilities = [probability for _, probability in result.prediction]
    assert sorted(label for label, _ in result.prediction) == ["blue", "green", "red"]
    assert probabilities == sorted(probabilities, reverse=True)
    assert set(result.seconds) == {"decode", "wait", "embed", "search"}


def test_an_image_of_the_dataset_leaves_itself_out(chain: Chain) -> None:
    with_itself = chain.search(20, SearchOptions(k=6))
    without = chain.search(20, SearchOptions(k=5), image_id=20)
    assert without.matches == with_itself.matches[1:]


def test_more_matches_than_the_index_holds_gives_all(chain: Chain) -> None:
    assert len(chain.search(20, SearchOptions(k=100)).matches) == NUM_IMAGES
    assert len(chain.search(20, SearchOptions(k=100), image_id=20).matches) == NUM_IMAGES - 1


def test_an_index_of_another_model_is_never_searched(chain: Chain) -> None:
    anew = replace(chain.model.manifest, created="later")
    with pytest.raises(WorkbenchError, match="was made with another model"):
        check_model(chain.index, anew)


def test_a_match_that_was_removed_from_the_dataset_has_no_row(chain: Chain, tmp_path: Path) -> None:
    here = Workspace(tmp_path)
    shutil.copytree(chain.workspace.datasets, here.datasets)
    dataset = open_dataset(here, "colors")
    dataset.catalog.forget([20])
    opened = replace(open_for_search(chain.workspace, chain.index.manifest.id), dataset=dataset)
    matches = search_by_file(opened, chain.path_of(20), SearchOptions(k=2)).matches
    assert (matches[0].image_id, matches[0].image) == (20, None)
    assert matches[1].image is not None


def test_a_search_without_its_index_says_so(chain: Chain) -> None:
    with pytest.raises(MissingError, match="There is no “nothing”"):
        open_for_search(chain.workspace, "nothing")


def test_unreadable_images_are_left_out_and_counted(chain: Chain, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "holes", red=2, blue=2)
    dataset = finish(add_folder(chain.workspace, "holes", Source(root=root), SplitConfig()))
    (root / "red" / "000.png").unlink()
    (root / "blue" / "001.png").write_text("no image any more")

    made = finish(embed_dataset(chain.workspace, "holes", chain.model.id))

    assert made.id == f"holes-by-{chain.model.id}"
    assert (made.summary["count"], made.summary["num_problems"]) == (2, 2)
    assert set(made.summary["problems"]) == {"red/000.png", "blue/001.png"}
    rows = dataset.catalog.rows(ImageFilter())
    left = [row.id for row in rows if row.path in ("red/001.png", "blue/000.png")]
    assert open_embeddings(chain.workspace, made.id).image_ids.tolist() == left


def test_a_dataset_that_cannot_be_read_at_all_is_said(chain: Chain, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "away", red=2, blue=2)
    finish(add_folder(chain.workspace, "away", Source(root=root), SplitConfig()))
    shutil.rmtree(root)
    with pytest.raises(WorkbenchError, match="None of the 4 images of “away” can be read"):
        finish(embed_dataset(chain.workspace, "away", chain.model.id))
    assert not list(chain.workspace.embeddings.glob("away*"))
    assert not list(chain.workspace.embeddings.glob(".draft*"))


def test_changed_pictures_are_embedded_anew(chain: Chain, tmp_path: Path) -> None:
    from core.datasets.importing.scan import rescan

    root = class_folders(tmp_path / "moving", red=2, blue=2)
    finish(add_folder(chain.workspace, "moving", Source(root=root), SplitConfig()))
    before = finish(embed_dataset(chain.workspace, "moving", chain.model.id))
    speckled("blue", seed=77).save(root / "blue" / "002.png")
    finish(rescan(chain.workspace, "moving"))
    after = finish(embed_dataset(chain.workspace, "moving", chain.model.id))
    assert (before.summary["count"], after.summary["count"]) == (4, 5)
    assert after.id == f"{before.id}-2"
