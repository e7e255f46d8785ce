"""PyTorch export: a zip of the weights and a script that loads them without this project."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft
from core.models.checksums import CHECKSUMS, checksums_of
from core.models.export_script import readme_for, script_for
from core.models.exports import ModelFormat, file_name
from core.models.model import WEIGHTS, Model, load_model
from core.progress import Progress, Work
from core.workspace import Workspace


def export_torch(workspace: Workspace, model_id: str) -> Work[Path]:
    """Pack a model for use with PyTorch alone, replacing an earlier export.

    Returns:
        A zip of `model.safetensors`, `load_model.py` and `README.txt`. The weights' metadata has
        the network's settings under `network`, the class names under `classes`, and under
        `sha256` the checksum of both and of each tensor, as JSON; `importing.import_model` reads
        that file.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: A file of it was changed.
    """
    yield Progress(0, 0, "opening the model")
    model = load_model(workspace, model_id)
    yield Progress(0, 0, "packing the weights")
    with draft(workspace.exports) as folder:
        _save_with_metadata(model, folder / WEIGHTS)
        file = folder / file_name(model_id, ModelFormat.TORCH)
        with zipfile.ZipFile(file, "w") as archive:  # Weights are hardly compressible
            archive.write(folder / WEIGHTS, WEIGHTS)
            archive.writestr("load_model.py", script_for(model_id, model.network))
            archive.writestr("README.txt", readme_for(model_id, model.config))
        return publish_export(workspace, model.manifest, file)


def _save_with_metadata(model: Model, path: Path) -> None:
    metadata = {
        "network": json.dumps(asdict(model.config)),
        "classes": json.dumps(model.classes),
    }
    weights = {key: value.cpu().contiguous() for key, value in model.network.state_dict().items()}
    checksums = json.dumps(checksums_of(weights, metadata))
    save_file(weights, path, metadata | {CHECKSUMS: checksums})
