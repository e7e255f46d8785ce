"""Saved state of a training, from which it is resumed; nothing in it is executable.

It is one file that replaces the previous one atomically, so that a kill leaves a complete state.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import DamagedArtifactError
from core.files import parse_json, sync_file, sync_folder
from core.models.network import current_keys

STATE = "state.safetensors"
MODULE, OPTIMIZER = "module.", "optimizer."
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)
"""Exceptions of a damaged state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingState:
    """Everything that training changes."""

    modules: Mapping[str, nn.Module]
    """Modules by name, without the frozen blocks."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def save_state(folder: Path, training: TrainingState, facts: Mapping[str, Any]) -> None:
    """Save the state in a run's folder, replacing the previous one, with facts as JSON.

    Raises:
        OSError: The disk is full; the previous state is kept.
    """
    moments, groups = _optimizer_parts(training.optimizer)
    tensors = {
        f"{MODULE}{name}.{key}": value.detach().cpu().contiguous()
        for name, module in training.modules.items()
        for key, value in module.state_dict().items()
    }
    content = {"facts": dict(facts), "schedule": _schedule_state(training), "groups": groups}
    temporary = folder / f".{STATE}.{os.getpid()}"
    try:
        save_file(tensors | moments, temporary, metadata={"json": json.dumps(content)})
        sync_file(temporary)
        temporary.replace(folder / STATE)
    except SafetensorError as error:  # How safetensors reports a full disk
        raise OSError(str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(folder)


def load_state(folder: Path, training: TrainingState) -> dict[str, Any] | None:
    """Load the saved state into `training`; return its facts, None if nothing was saved.

    Raises:
        DamagedArtifactError: It is damaged, or belongs to another training.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            content = parse_json(file.metadata()["json"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict
        tensors = current_keys(tensors)
        for name, module in training.modules.items():
            module.load_state_dict(_under(tensors, f"{MODULE}{name}."))
        _load_optimizer(training.optimizer, _under(tensors, OPTIMIZER), content["groups"])
        training.schedule.load_state_dict(content["schedule"])
        facts: dict[str, Any] = content["facts"]
    except UNREADABLE as error:
        raise damaged_state(folder) from error
    return facts


def damaged_state(folder: Path) -> DamagedArtifactError:
    """Return the error for a saved state that cannot be used."""
    return DamagedArtifactError(
        f"The saved state of “{folder.name}” is damaged.",
        "Start the training again with the same settings.",
    )


def _optimizer_parts(
    optimizer: torch.optim.Optimizer,
) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Return an optimizer's tensors by `<parameter>.<name>`, and its parameter groups."""
    state = optimizer.state_dict()
    tensors = {
        f"{OPTIMIZER}{parameter}.{name}": value.detach()
        .cpu()
        .clone(memory_format=torch.contiguous_format)
        for parameter, values in state["state"].items()
        for name, value in values.items()
    }
    return tensors, state["param_groups"]


def _load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        # In the parameter's memory format: another one rounds differently
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _schedule_state(training: TrainingState) -> dict[str, Any]:
    """Return the schedule's plain values; its functions are rebuilt with it."""
    return {
        key: value
        for key, value in training.schedule.state_dict().items()
        if isinstance(value, int | float | str | list | bool | None)
    }


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
