"""TensorBoard event files of a run."""

from collections.abc import Mapping
from pathlib import Path

FOLDER = "tensorboard"
GROUPS = ("train", "validation")
"""TensorBoard shows the curves of a group side by side."""


def write_events(folder: Path, measured: Mapping[str, float]) -> None:
    """Add an epoch's metrics to the event files in a run's folder.

    Each epoch has a file of its own: TensorBoard reads them in order, and an interrupted run leaves
    none open.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder / FOLDER) as writer:
        for name, value in measured.items():
            if name != "epoch":
                writer.add_scalar(_tag(name), value, int(measured["epoch"]))


def _tag(name: str) -> str:
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in GROUPS else name
