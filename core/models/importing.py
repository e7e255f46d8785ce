"""Bringing in a trained model from a file, without trusting the file.

It is either the `model.safetensors` of an export (`torch_export.py`), or a .pth with a dict of
`network`, `classes` and `weights`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.errors import MissingError, WorkbenchError
from core.lineage.graph import NO_DATASET
from core.models.devices import choose_device
from core.models.model import build_network, is_usable, network_settings, write_weights
from core.models.network import EmbeddingNetwork, NetworkConfig, current_keys
from core.models.pooling import Pooling
from core.models.weights import (
    UNREADABLE,
    Source,
    checked,
    is_state_dict,
    read_checkpoint,
    read_safetensors,
)
from core.progress import Progress, Work
from core.workspace import Workspace, check_name

MAX_NAME_LENGTH = 64
"""Characters of the name in that of the model, whose embeddings add a number to it."""

SAID_SINCE: dict[str, Any] = {"pooling": str(Pooling.OWN)}
"""Settings that older files do not have, and what they mean by that."""

ADVICE = "Export the model again, and change nothing in the file."


@dataclass(frozen=True, slots=True)
class ModelContent:
    """What a file says, before any of it is believed."""

    network: Any
    classes: Any
    weights: dict[str, Tensor]


def import_model(workspace: Workspace, path: Path, name: str) -> Work[Manifest]:
    """Make a model of a file that was exported elsewhere. Nothing in the file is executed.

    The model belongs to no dataset: in its manifest the dataset's name is empty.

    Args:
        workspace: Where the model goes.
        path: A .safetensors whose metadata has `network` and `classes` as JSON, or a .pth with a
            dict of both and `weights`, the tensors by their keys in the network.
        name: What to call the model; numbered if the name is taken.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: The name cannot be used, or the file is damaged, describes no network, does
            not fit its description, or gives no usable embeddings.
    """
    _check_free(workspace, name)
    if not path.is_file():
        raise MissingError(f"There is no file {path}.", "Check the path and try again.")
    yield Progress(0, 0, "reading the file")
    return (yield from import_content(workspace, path, _read(path), name))


def import_content(
    workspace: Workspace, path: Path, content: ModelContent, name: str
) -> Work[Manifest]:
    """Make a model of what a file says, once that is found to be one.

    Args:
        workspace: Where the model goes.
        path: The file, for the sentences about it.
        content: What it says.
        name: What to call the model; numbered if the name is taken.

    Raises:
        WorkbenchError: See `import_model`.
    """
    _check_free(workspace, name)
    config = _network_config(path, content.network)
    classes = _classes(path, content.classes, config.num_classes)
    network = _network(path, config, content.weights)
    yield Progress(0, 0, "trying the network")
    device = choose_device()
    if not is_usable(network.to(device.name), device):
        raise WorkbenchError(
            f"{path.name} gives no usable embeddings: all images get the same one.",
            "Train the model again with a smaller learning rate.",
        )
    with draft(workspace.models) as folder:
        write_weights(network, folder)
        return publish(
            folder,
            kind="model",
            stem=name[:MAX_NAME_LENGTH],
            config={"network": network_settings(config)},
            made_from={"dataset": NO_DATASET, "dataset_fingerprint": ""},
            summary=_summary(path, classes),
        )


def _check_free(workspace: Workspace, name: str) -> None:
    if workspace.models / check_name(name).lower() == workspace.weights:
        raise WorkbenchError(
            f"A model cannot be called “{name}”: pre-trained weights are kept there.",
            "Choose another name.",
        )


def _read(path: Path) -> ModelContent:
    try:
        if path.suffix == ".safetensors":
            tensors, metadata = read_safetensors(path)
            described = {key: json.loads(metadata[key]) for key in ("network", "classes")}
            return ModelContent(described["network"], described["classes"], tensors)
        content = read_checkpoint(path)
        if not isinstance(content, dict) or not is_state_dict(content["weights"]):
            raise TypeError("not a model")
        return ModelContent(content["network"], content["classes"], content["weights"])
    except UNREADABLE as error:
        raise WorkbenchError(
            f"{path.name} cannot be read as a model: it is damaged, or does not say its network, "
            "classes and weights.",
            "Choose the model.safetensors out of the zip that a model was exported to.",
        ) from error


def _network_config(path: Path, settings: Any) -> NetworkConfig:
    """Return the settings, if they are what a network can be built with."""
    kinds = {key: type(value) for key, value in asdict(NetworkConfig()).items()}
    settings = SAID_SINCE | settings if isinstance(settings, dict) else {}
    if settings.keys() != kinds.keys():
        raise _not_described(path, f"settings of the network other than {', '.join(kinds)}")
    for key, kind in kinds.items():
        if type(settings[key]) is not kind:  # Neither is True a number here
            raise _not_described(path, f"a {key} that is no {kind.__name__}")
    try:
        return NetworkConfig(**settings)
    except ValueError as error:
        raise WorkbenchError(f"{path.name} describes no network: {error}.", ADVICE) from error


def _classes(path: Path, classes: Any, num_classes: int) -> list[str]:
    """Return the names of the classes, if they are names and as many as there should be."""
    if not isinstance(classes, list) or not all(_is_name(name) for name in classes):
        raise _not_described(path, "classes that are not all names")
    if len(set(classes)) != len(classes):
        raise _not_described(path, "two classes of one name")
    if len(classes) != num_classes:
        raise _not_described(path, f"{len(classes)} classes and a network of {num_classes}")
    return classes


def _is_name(name: Any) -> bool:
    """Say whether it is text that can be shown and written: not empty, and no half characters."""
    return (
        isinstance(name, str)
        and bool(name.strip())
        and name == name.encode(errors="ignore").decode()
    )


def _not_described(path: Path, found: str) -> WorkbenchError:
    return WorkbenchError(f"{path.name} has {found}.", ADVICE)


def _network(path: Path, config: NetworkConfig, weights: dict[str, Tensor]) -> EmbeddingNetwork:
    with torch.device("meta"):
        expected = EmbeddingNetwork(config).state_dict()
    source = Source(path, f"the network it describes ({config.backbone})", ADVICE)
    return build_network(config, checked(current_keys(weights), expected, source))


def _summary(path: Path, classes: list[str]) -> dict[str, object]:
    """Return what a trained model's summary has, as far as the file says it."""
    return {
        "classes": classes,
        "best_epoch": 0,
        "epochs_trained": 0,
        "num_train": 0,
        "num_validation": 0,
        "num_problems": 0,
        "imported_from": path.name.encode(errors="backslashreplace").decode(),
    }
