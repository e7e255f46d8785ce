"""Event files beside a run, for those who look at trainings with TensorBoard."""

from collections.abc import Mapping
from pathlib import Path

FOLDER = "tensorboard"
GROUPS = ("train", "validation")
"""TensorBoard puts curves of one group side by side."""


def write_events(folder: Path, measured: Mapping[str, float]) -> None:
    """Add what was measured after an epoch to the event files in a run's folder.

    Each epoch's are a file of their own: TensorBoard reads them in order, and a run that was cut
    off has nothing open.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder / FOLDER) as writer:
        for name, value in measured.items():
            if name != "epoch":
                writer.add_scalar(_tag(name), value, int(measured["epoch"]))


def _tag(name: str) -> str:
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in GROUPS else name
