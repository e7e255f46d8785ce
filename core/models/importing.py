"""Import of a trained model from an untrusted file.

The file is the `model.safetensors` of an export (`torch_export.py`), or a .pth with a dict of
`network`, `classes` and `weights`.
"""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.files import parse_json
from core.lineage.graph import NO_DATASET
from core.models.checksums import verify_tensors
from core.models.devices import choose_device
from core.models.model import build_network, is_usable, write_weights
from core.models.network import EmbeddingNetwork, NetworkConfig, current_keys
from core.models.pooling import Pooling
from core.models.state_dicts import flatten
from core.models.tensor_validation import WeightsFile, validate_weights
from core.models.weights import read_untrusted, require_state_dict
from core.progress import Progress, Work
from core.workspace import Workspace, check_name

MAX_NAME_LENGTH = 64
"""Characters of the given name in the model's id; the ids made of it are longer."""

OLDER_SETTINGS: dict[str, Any] = {
    "pooling": str(Pooling.OWN),
    "mean": [],
    "deviation": [],
    "interpolation": "",
    "fit": "",
    "dropout": 0.0,
}
"""Values of settings that files of before these settings lack."""

ADVICE = "Export the model again, and change nothing in the file."


@dataclass(frozen=True, slots=True)
class ModelContent:
    """Content of a model file, not validated yet."""

    network: Any
    classes: Any
    weights: dict[str, Tensor]
    note: str = ""
    """What could not be verified, as text."""


def import_model(workspace: Workspace, path: Path, name: str) -> Work[Manifest]:
    """Import a model that was exported elsewhere. Nothing in the file is executed.

    The model belongs to no dataset: in its manifest the dataset's name is empty.

    Args:
        workspace: Where the model is stored.
        path: A .safetensors whose metadata has `network` and `classes` as JSON, or a .pth with a
            dict of both and `weights`, the tensors by their keys in the network.
        name: The model's name; numbered if it is taken.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: The name cannot be used, or the file is damaged, describes no network, does
            not fit its description, or gives no usable embeddings.
    """
    _check_name(workspace, name)
    yield Progress(0, 0, "reading the file")
    unreadable = WorkbenchError(
        f"{path.name} cannot be read as a model: it is damaged, or does not say its network, "
        "classes and weights.",
        "Choose the model.safetensors out of the zip that a model was exported to.",
    )
    content = read_untrusted(path, partial(_parse, path), unreadable)
    return (yield from import_content(workspace, path, content, name))


def import_content(
    workspace: Workspace, path: Path, content: ModelContent, name: str
) -> Work[Manifest]:
    """Validate the content of a model file, and make a model of it.

    Args:
        workspace: Where the model is stored.
        path: The file, for error messages.
        content: Its content.
        name: The model's name; numbered if it is taken.

    Raises:
        WorkbenchError: See `import_model`.
    """
    _check_name(workspace, name)
    config = _network_config(path, content.network)
    classes = _classes(path, content.classes, config.num_classes)
    network = _network(path, config, content.weights)
    yield Progress(0, 0, "trying the network")
    device = choose_device()
    if content.note:
        yield Progress(1, 1, f"{path.name}: {content.note}")
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
            config={"network": asdict(config)},
            made_from={"dataset": NO_DATASET, "dataset_fingerprint": ""},
            summary=_summary(path, classes, content.note),
        )


def _check_name(workspace: Workspace, name: str) -> None:
    if workspace.models / check_name(name).lower() == workspace.weights:
        raise WorkbenchError(
            f"A model cannot be called “{name}”: pre-trained weights are kept there.",
            "Choose another name.",
        )


def _parse(path: Path, content: Any, metadata: dict[str, str] | None) -> ModelContent:
    described = content if metadata is None else metadata
    if not isinstance(described, dict):
        raise TypeError("not a model")
    if not {"network", "classes"} & described.keys() and "weights" not in described:
        flatten(content)
        raise WorkbenchError(
            f"{path.name} has weights, but does not say of which network and classes.",
            "Train with it as the weights file, or choose the model.safetensors of an export.",
        )
    if metadata is not None:
        note = verify_tensors(path, content, metadata)
        network, classes = (parse_json(metadata[key]) for key in ("network", "classes"))
        return ModelContent(network, classes, content, note)
    weights = require_state_dict(content["weights"])
    return ModelContent(content["network"], content["classes"], weights)


def _network_config(path: Path, settings: Any) -> NetworkConfig:
    """Return validated settings of a network."""
    types = {key: type(value) for key, value in asdict(NetworkConfig()).items()}
    types |= {"mean": list, "deviation": list}  # JSON has no tuples
    settings = OLDER_SETTINGS | settings if isinstance(settings, dict) else {}
    if settings.keys() != types.keys():
        raise _not_described(path, f"settings of the network other than {', '.join(types)}")
    for key, expected in types.items():
        value = settings[key]
        if type(value) is not expected:  # True is an int to isinstance
            raise _not_described(path, f"a {key} that is no {expected.__name__}")
        if expected is list and not all(type(number) is float for number in value):
            raise _not_described(path, f"a {key} that is not all numbers")
    try:
        return NetworkConfig(**settings)
    except ValueError as error:
        raise WorkbenchError(f"{path.name} describes no network: {error}.", ADVICE) from error


def _classes(path: Path, classes: Any, num_classes: int) -> list[str]:
    """Return validated names of the classes."""
    if not isinstance(classes, list) or not all(_is_name(name) for name in classes):
        raise _not_described(path, "classes that are not all names")
    if len(set(classes)) != len(classes):
        raise _not_described(path, "two classes of one name")
    if len(classes) != num_classes:
        raise _not_described(path, f"{len(classes)} classes and a network of {num_classes}")
    return classes


def _is_name(name: Any) -> bool:
    """Return whether it is text that can be shown and written: not empty, no lone surrogates."""
    return (
        isinstance(name, str)
        and bool(name.strip())
        and name == name.encode(errors="ignore").decode()
    )


def _not_described(path: Path, problem: str) -> WorkbenchError:
    return WorkbenchError(f"{path.name} has {problem}.", ADVICE)


def _network(path: Path, config: NetworkConfig, weights: dict[str, Tensor]) -> EmbeddingNetwork:
    with torch.device("meta"):
        expected = EmbeddingNetwork(config).state_dict()
    file = WeightsFile(path, f"the network it describes ({config.backbone})", ADVICE)
    return build_network(config, validate_weights(current_keys(weights), expected, file))


def _summary(path: Path, classes: list[str], note: str) -> dict[str, object]:
    """Return a trained model's summary, as far as it is known."""
    return {
        "classes": classes,
        "best_epoch": 0,
        "epochs_trained": 0,
        "num_train": 0,
        "num_validation": 0,
        "num_problems": 0,
        "imported_from": path.name.encode(errors="backslashreplace").decode(),
        **({"not_verified": note} if note else {}),
    }
