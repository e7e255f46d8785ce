"""Transfer: a backbone pre-trained in the test, fine-tuned on other classes."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.sample.drawing import CLASSES, draw_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.training.config import TrainConfig
from core.training.presets import FROM_SCRATCH
from core.training.train import train
from core.workspace import Workspace

KNOWN, NEW = CLASSES[:6], CLASSES[6:]


def macro_map(workspace: Workspace, model: Manifest) -> float:
    embeddings = finish(embed_dataset(workspace, "new", model.id))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    found = finish(evaluate(workspace, EvaluateConfig(index=index.id)))
    return float(found.summary["map_at_10_macro"])


def as_torchvision_file(workspace: Workspace, model: Manifest, path: Path) -> Path:
    """Write a model's backbone in torchvision's layout."""
    tensors = load_file(workspace.models / model.id / "model.safetensors")
    backbone = {
        key.replace("tail.", "features.", 1): value
        for key, value in tensors.items()
        if key.startswith("tail.")
    }
    save_file(backbone, path)
    return path


@pytest.mark.slow
def test_a_backbone_tuned_on_new_classes_is_better_than_untuned(
    workspace: Workspace, tmp_path: Path
) -> None:
    finish(draw_dataset(tmp_path / "set", per_class=40))
    for name, left_out in (("known", NEW), ("new", KNOWN)):
        source = Source(root=tmp_path / "set" / "images", left_out=left_out)
        finish(add_folder(workspace, name, source, SplitConfig()))
    scratch = FROM_SCRATCH | {"epochs": 10, "image_size": 32, "batch_size": 32}
    pretrained = finish(train(workspace, TrainConfig(dataset="known", **scratch)))
    weights = as_torchvision_file(workspace, pretrained, tmp_path / "backbone.safetensors")

    untuned, tuned = (
        macro_map(
            workspace,
            finish(
                train(
                    workspace,
                    TrainConfig(
                        dataset="new",
                        backbone="vgg16_bn",
                        weights=str(weights),
                        image_size=32,
                        epochs=epochs,
                    ),
                )
            ),
        )
        for epochs in (0, 6)
    )

    print(f"\nmacro mAP@10 on new classes: untuned {untuned:.3f}, tuned {tuned:.3f}")
    assert tuned > untuned + 0.05
