"""Transfer: the starter backbone, fine-tuned on generated images, which it has not seen before."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.sample.drawing import draw_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.models.vision import models
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace


def macro_map(workspace: Workspace, model: Manifest) -> float:
    embeddings = finish(embed_dataset(workspace, "new", model.id))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    found = finish(evaluate(workspace, EvaluateConfig(index=index.id)))
    return float(found.summary["map_at_10_macro"])


@pytest.mark.slow
def test_a_fine_tuned_backbone_is_better_than_the_published_weights(
    workspace: Workspace, tmp_path: Path
) -> None:
    finish(draw_dataset(tmp_path / "set", per_class=20))
    source = Source(root=tmp_path / "set" / "images")
    finish(add_folder(workspace, "new", source, SplitConfig()))

    published, tuned = (
        macro_map(
            workspace,
            finish(
                train(
                    workspace,
                    TrainConfig(
                        dataset="new",
                        backbone="efficientnet_lite0",
                        trainable_blocks=2,
                        image_size=64,
                        batch_size=16,
                        epochs=epochs,
                    ),
                )
            ),
        )
        for epochs in (0, 6)
    )

    print(f"\nmacro mAP@10 on new classes: published {published:.3f}, fine-tuned {tuned:.3f}")
    assert tuned > published + 0.05


@pytest.mark.slow
def test_vgg16_is_fine_tuned_in_its_last_block(workspace: Workspace, tmp_path: Path) -> None:
    finish(draw_dataset(tmp_path / "set", per_class=4))
    finish(add_folder(workspace, "new", Source(root=tmp_path / "set" / "images"), SplitConfig()))
    torch.manual_seed(0)
    published = models.vgg16(num_classes=1).features.state_dict(prefix="features.")
    save_file(published, tmp_path / "vgg16.safetensors")

    config = TrainConfig(
        dataset="new", weights=str(tmp_path / "vgg16.safetensors"), image_size=32, epochs=1
    )
    model = finish(train(workspace, config))

    assert config.backbone == "vgg16"
    tensors = load_file(workspace.models / model.id / "model.safetensors")
    trained = {
        f"features.{key.partition('.')[2]}": value
        for key, value in tensors.items()
        if key.startswith(("frozen.", "tail."))
    }
    assert trained.keys() == published.keys()
    changed = {key for key in trained if not torch.equal(trained[key], published[key])}
    assert {key.split(".")[1] for key in changed} == {"24", "26", "28"}
