import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
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
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.indexes.files import Index, build_index, open_index
from core.models.batches import load_square
from core.models.model import Model, load_model
from core.progress import finish
from core.query.opened import check_model, open_for_search
from core.query.pipeline import nearest_to_image
from core.query.query import SearchOptions
from core.query.result import Match, QueryResult
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace
from tests.factories.by_hand import BY_HAND, FIRST_AND_THIRD, SECOND_AND_FOURTH, Hand, unit_vectors
from tests.factories.images import class_folders, speckled
from tests.factories.queries import search_by_file

NUM_IMAGES = 36
SIDE = 32


def queries_of(workspace: Workspace, evaluation: Manifest) -> pd.DataFrame:
    return pd.read_csv(workspace.evaluations / evaluation.id / "queries.csv", index_col="path")


# Evaluation, checked by hand


def test_the_measures_are_what_a_hand_finds(hand: Hand) -> None:
    made = finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index())))

    found = made.summary
    assert found["map_at_10"] == pytest.approx((2 * FIRST_AND_THIRD + SECOND_AND_FOURTH) / 3)
    assert found["map_at_10_macro"] == pytest.approx((FIRST_AND_THIRD + SECOND_AND_FOURTH) / 2)
    assert found["recall_at_1"] == pytest.approx(2 / 3)
    assert found["recall_at_1_macro"] == 0.5
    assert found["recall_at_5"] == found["recall_at_10"] == 1.0
    assert found["precision_at_10"] == pytest.approx(0.2)  # Two of ten ranks, six of them empty
    counts = ("num_queries", "num_gallery", "num_classes", "num_skipped")
    assert [found[name] for name in counts] == [3, 4, 2, 1]


def test_only_train_images_are_found_and_no_query_finds_itself(hand: Hand) -> None:
    made = finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index())))
    matches = queries_of(hand.workspace, made)["matches"]
    expected = ("red/000.png", "blue/000.png", "red/001.png", "blue/001.png")
    assert matches["red/002.png"].split() == [str(hand.ids[path]) for path in expected]
    gallery = {str(hand.ids[path]) for path in expected}
    assert all(set(found.split()) == gallery for found in matches)


def test_a_query_and_a_category_have_a_row_each(hand: Hand) -> None:
    made = finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index())))
    queries = queries_of(hand.workspace, made)
    assert queries["map_at_10"].to_dict() == pytest.approx(
        {
            "red/002.png": FIRST_AND_THIRD,
            "red/003.png": FIRST_AND_THIRD,
            "blue/002.png": SECOND_AND_FOURTH,
        }
    )
    folder = hand.workspace.evaluations / made.id
    categories = pd.read_csv(folder / "classes.csv", index_col="label")
    assert categories["num_queries"].to_dict() == {"red": 2, "blue": 1}
    assert categories["recall_at_1"].to_dict() == {"red": 1.0, "blue": 0.0}


def test_the_validation_images_can_ask_too(hand: Hand) -> None:
    config = EvaluateConfig(index=hand.index(), queries="validation")
    made = finish(evaluate(hand.workspace, config))
    assert made.id.endswith("-validation")
    # Red at 0 finds its like first and third, so does blue at 89
    assert made.summary["map_at_10"] == pytest.approx(FIRST_AND_THIRD)
    assert made.summary["num_skipped"] == 0


def test_an_index_that_looks_into_one_group_is_held_to_the_exact_one(hand: Hand) -> None:
    exact = finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index()))).summary
    narrow = hand.index(IndexConfig(kind="ivf", nlist=2, nprobe=1))
    found = finish(evaluate(hand.workspace, EvaluateConfig(index=narrow, exact=True))).summary
    assert found["index_recall_at_10"] < 1
    assert found["exact_map_at_10"] == exact["map_at_10"]


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_an_index_that_misses_nothing_agrees_with_the_exact_one(hand: Hand, kind: str) -> None:
    index = hand.index(IndexConfig(kind=kind))
    found = finish(evaluate(hand.workspace, EvaluateConfig(index=index, exact=True))).summary
    assert found["index_recall_at_10"] == 1.0
    assert found["exact_map_at_10"] == found["map_at_10"]


def test_nothing_to_evaluate_is_said(hand: Hand) -> None:
    catalog = open_dataset(hand.workspace, "hand").catalog
    catalog.set_splits(dict.fromkeys(hand.ids.values(), "train"))
    with pytest.raises(WorkbenchError, match="There is nothing to evaluate"):
        finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index())))
    assert not list(hand.workspace.evaluations.glob("*"))


def test_only_test_and_validation_images_may_ask() -> None:
    with pytest.raises(ValueError, match="queries must be test or validation, got train"):
        EvaluateConfig(index="x", queries="train")


# Neighbors of an indexed image


def neighbors_of(hand: Hand, index: Index, image_id: int, k: int) -> list[Match]:
    dataset = open_dataset(hand.workspace, "hand")
    embeddings = open_embeddings(hand.workspace, index.embeddings)
    return nearest_to_image(index.store, dataset, embeddings, image_id, k)


def test_the_neighbors_of_an_image_leave_it_out(hand: Hand) -> None:
    index = open_index(hand.workspace, hand.index())
    found = neighbors_of(hand, index, hand.ids["blue/001.png"], k=2)
    paths = [match.image.path for match in found if match.image]
    assert paths == ["blue/003.png", "blue/002.png"]
    cosines = np.cos(np.deg2rad([1, 44])).tolist()
    assert [match.similarity for match in found] == pytest.approx(cosines)


def test_more_neighbors_than_there_are_gives_all_the_others(hand: Hand) -> None:
    index = open_index(hand.workspace, hand.index())
    found = neighbors_of(hand, index, hand.ids["red/000.png"], k=100)
    assert len(found) == len(BY_HAND) - 1


def test_an_image_that_is_not_indexed_has_no_neighbors(hand: Hand) -> None:
    index = open_index(hand.workspace, hand.index())
    assert neighbors_of(hand, index, 999, k=2) == []


def test_a_neighbor_that_was_removed_from_the_dataset_has_no_row(hand: Hand) -> None:
    index = open_index(hand.workspace, hand.index())
    catalog = open_dataset(hand.workspace, "hand").catalog
    gone = hand.ids["blue/003.png"]
    catalog.forget([gone])

    found = neighbors_of(hand, index, hand.ids["blue/001.png"], k=2)

    assert [match.image_id for match in found] == [gone, hand.ids["blue/002.png"]]
    assert found[0].image is None
    assert found[1].image is not None


def test_an_index_that_was_changed_by_hand_is_refused(hand: Hand) -> None:
    name = hand.index()
    path = hand.workspace.indexes / name / "index.faiss"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=f"{name}/index.faiss is damaged"):
        open_index(hand.workspace, name)


def test_embeddings_that_were_changed_by_hand_are_not_indexed(hand: Hand) -> None:
    np.save(hand.workspace.embeddings / hand.embeddings.id / "vectors.npy", unit_vectors(0, 1))
    with pytest.raises(DamagedArtifactError, match="by-hand/vectors.npy is damaged"):
        hand.index()


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
        return load_square(self.path_of(image_id), SIDE)

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
    from core.datasets.importing.rescan import rescan

    root = class_folders(tmp_path / "moving", red=2, blue=2)
    finish(add_folder(chain.workspace, "moving", Source(root=root), SplitConfig()))
    before = finish(embed_dataset(chain.workspace, "moving", chain.model.id))
    speckled("blue", seed=77).save(root / "blue" / "002.png")
    finish(rescan(chain.workspace, "moving"))
    after = finish(embed_dataset(chain.workspace, "moving", chain.model.id))
    assert (before.summary["count"], after.summary["count"]) == (4, 5)
    assert after.id == f"{before.id}-2"
