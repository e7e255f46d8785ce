"""Where everything the user makes lies on disk."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import WorkbenchError

PROJECT = Path(__file__).parent.parent
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""What a dataset or artefact may be called: it becomes a folder, a URL part and an argument."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders under one home; every function that reads or writes artefacts takes one."""

    home: Path

    @property
    def datasets(self) -> Path:
        """One folder a dataset."""
        return self.home / "data" / "datasets"

    @property
    def downloads(self) -> Path:
        """Archives fetched from elsewhere, kept until they are unpacked."""
        return self.home / "data" / "downloads"

    @property
    def embeddings(self) -> Path:
        """One folder for the embeddings of one dataset by one model."""
        return self.home / "data" / "embeddings"

    @property
    def indexes(self) -> Path:
        """One folder an index."""
        return self.home / "data" / "indexes"

    @property
    def sweeps(self) -> Path:
        """One folder a comparison of indexes."""
        return self.home / "data" / "sweeps"

    @property
    def maps(self) -> Path:
        """One folder a map."""
        return self.home / "data" / "maps"

    @property
    def finders(self) -> Path:
        """One folder for what the finders found in one index."""
        return self.home / "data" / "finders"

    @property
    def evaluations(self) -> Path:
        """One folder an evaluation."""
        return self.home / "data" / "evaluations"

    @property
    def features(self) -> Path:
        """The cache of what frozen trunks and image decoders put out; may be deleted any time."""
        return self.home / "data" / "features"

    @property
    def runs(self) -> Path:
        """One folder a training, from its start on."""
        return self.home / "data" / "runs"

    @property
    def jobs(self) -> Path:
        """One folder a job."""
        return self.home / "data" / "jobs"

    @property
    def models(self) -> Path:
        """One folder a trained model."""
        return self.home / "models"

    @property
    def weights(self) -> Path:
        """Pre-trained weights as torchvision publishes them."""
        return self.home / "models" / "pretrained"

    @property
    def exports(self) -> Path:
        """What people took out of their datasets."""
        return self.home / "data" / "exports"

    @property
    def batches(self) -> Path:
        """One folder a table of answers; not what a dataset's export can be called."""
        return self.exports / "batches"

    @property
    def artifacts(self) -> dict[str, Path]:
        """Where artefacts of each kind lie, in the order in which they are made."""
        return {
            "model": self.models,
            "embeddings": self.embeddings,
            "sweep": self.sweeps,
            "index": self.indexes,
            "evaluation": self.evaluations,
            "map": self.maps,
            "finders": self.finders,
        }


def open_workspace(home: Path | None = None) -> Workspace:
    """Return the workspace at `home`, else at `$WORKBENCH_HOME`, else in the project's folder."""
    chosen = home or os.environ.get("WORKBENCH_HOME") or PROJECT
    return Workspace(Path(chosen).expanduser().resolve())


def check_name(name: str) -> str:
    """Return `name` if it can name a dataset or artefact.

    Raises:
        WorkbenchError: It could not be a folder's name, or would lead out of the workspace.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise WorkbenchError(
            f"“{name[:80]}” cannot be used as a name." if name else "The name is empty.",
            "Use up to 80 letters, digits, dots, dashes and underscores, a letter or digit first.",
        )
    return name
