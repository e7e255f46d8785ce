"""The state of a training on disk: all that it takes to go on from there, and nothing executable.

One file, renamed over the last one, so that a kill at any moment leaves a whole one.
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
from core.files import sync_file, sync_folder
from core.models.network import current_keys

STATE = "state.safetensors"
MODULE, OPTIMIZER = "module.", "optimizer."


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingState:
    """What changes while a training goes on."""

    modules: Mapping[str, nn.Module]
    """By name; what is frozen need not be among them."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def save_state(folder: Path, trained: TrainingState, facts: Mapping[str, Any]) -> None:
    """Save the state in a run's folder, in place of the last one.

    Args:
        folder: Of the run.
        trained: Weights, optimizer and schedule.
        facts: Whatever else is needed, as JSON has it.

    Raises:
        OSError: The disk is full; the last state is still there.
    """
    moments, groups = _optimizer_parts(trained.optimizer)
    tensors = {
        f"{MODULE}{name}.{key}": value.detach().cpu().contiguous()
        for name, module in trained.modules.items()
        for key, value in module.state_dict().items()
    }
    content = {"facts": dict(facts), "schedule": _schedule_state(trained), "groups": groups}
    temporary = folder / f".{STATE}.{os.getpid()}"
    try:
        save_file(tensors | moments, temporary, metadata={"json": json.dumps(content)})
        sync_file(temporary)
        temporary.replace(folder / STATE)
    except SafetensorError as error:  # Its own word for a full disk
        raise OSError(str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(folder)


def load_state(folder: Path, trained: TrainingState) -> dict[str, Any] | None:
    """Put the saved state back into `trained`; return its facts, None if nothing was saved.

    Raises:
        DamagedArtifactError: It was changed, or belongs to another training.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            content = json.loads(file.metadata()["json"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict
        tensors = current_keys(tensors)
        for name, module in trained.modules.items():
            module.load_state_dict(_under(tensors, f"{MODULE}{name}."))
        _load_optimizer(trained.optimizer, _under(tensors, OPTIMIZER), content["groups"])
        trained.schedule.load_state_dict(content["schedule"])
        facts: dict[str, Any] = content["facts"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise DamagedArtifactError(
            f"The saved state of “{folder.name}” is damaged or was changed by hand.",
            "Start the training again with the same settings.",
        ) from error
    return facts


def _optimizer_parts(
    optimizer: torch.optim.Optimizer,
) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Return an optimizer's tensors by `<parameter>.<name>`, and its groups' numbers."""
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
        if value.shape == parameter.shape:  # In its layout: another one rounds differently
            value = torch.empty_like(parameter).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _schedule_state(trained: TrainingState) -> dict[str, Any]:
    """Return the schedule's numbers; what it computes with is there again when it is built."""
    return {
        key: value
        for key, value in trained.schedule.state_dict().items()
        if isinstance(value, int | float | str | list | bool | None)
    }


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
