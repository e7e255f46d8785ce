"""Training and resuming runs, up to the published model."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from lightning_fabric import Fabric

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest, read_manifest
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.files import FULL_DISK
from core.models.devices import choose_device
from core.models.model import WEIGHTS, write_weights
from core.models.network import EmbeddingNetwork
from core.progress import Stop, Work, held_back
from core.training.config import TrainConfig
from core.training.history import begin_history
from core.training.inputs import prepare_inputs
from core.training.loop import Epoch, any_process, figures, resume_epoch, save, train_epoch
from core.training.run_data import begin_run_data
from core.training.run_process import claim_run, leave_run, release_run
from core.training.runs import (
    MAP,
    METRICS,
    Run,
    RunStatus,
    append_metrics,
    change_run,
    folder_of,
    is_pause_requested,
    read_run,
    read_unfinished_run,
    start_run,
)
from core.training.setup import (
    Setup,
    labeled_rows,
    load_weights,
    network_config,
    open_fabric,
    other_processes,
    set_up,
)
from core.training.tensorboard import write_events
from core.training.validation import measure
from core.workspace import Workspace


def train(workspace: Workspace, config: TrainConfig, run_id: str | None = None) -> Work[Manifest]:
    """Train a model on a dataset's train images and save the best epoch's weights.

    The best epoch has the highest mAP@10 of the validation images (each searched among the others);
    without validation images it is the last. If a `Stop` is thrown in after the first epoch, the
    best epoch so far becomes the model; if a pause was requested, the state is saved and no model.
    Without an id the run is named after dataset and backbone. In several processes a run of that
    id with the same settings is resumed: what started them has started them again.

    Raises:
        Stop: The training was stopped before the end of the first epoch, or paused.
        MissingError: There is no such dataset or weights file.
        WorkbenchError: There are too few labeled train images, the loss is no longer a number, or
            the disk is full. The run has the message, too; after a full disk it can be resumed.
    """
    labeled_rows(open_dataset(workspace, config.dataset))  # Fails before there is a run
    fabric = open_fabric(choose_device())
    run = None
    if fabric.is_global_zero:
        run = start_run(workspace, config, run_id, again=fabric.world_size > 1)
    run = read_run(workspace, fabric.broadcast(run.id if run else ""))
    return (yield from _run(workspace, run, fabric))


def resume(workspace: Workspace, run_id: str, *, is_launched: bool = False) -> Work[Manifest]:
    """Resume a run from its last saved state, with the same result as without a break; see `train`.

    If it is launched, the run belongs to the process that launched it (`launched.py`).

    Raises:
        WorkbenchError: The run has ended, the dataset has changed since it started, or as in
            `train`.
        DamagedArtifactError: Its run.json or its state is damaged.
    """
    run = read_unfinished_run(workspace, run_id)
    fabric = open_fabric(choose_device())
    return (yield from _run(workspace, run, fabric, is_launched=is_launched))


def _run(
    workspace: Workspace, run: Run, fabric: Fabric, *, is_launched: bool = False
) -> Work[Manifest]:
    """Train; the first process writes the status of the run."""
    if not fabric.is_global_zero:
        with other_processes():
            return (yield from _train(workspace, run, fabric))
    if is_launched:  # Claimed already, but perhaps failed and restarted
        change_run(workspace, run.id, status=RunStatus.STARTED, message="")
    else:
        claim_run(workspace, run)
    try:
        with other_processes():
            return (yield from _train(workspace, run, fabric))
    except WorkbenchError as error:
        change_run(workspace, run.id, status=RunStatus.FAILED, message=str(error))
        raise
    except OSError as error:
        if error.errno not in FULL_DISK and "No space left" not in str(error):
            raise
        full = WorkbenchError(
            "The disk is full; the run is paused at its last saved state.",
            "Free disk space, then resume it.",
        )
        change_run(workspace, run.id, status=RunStatus.PAUSED, message=str(full))
        raise full from error
    except Stop:
        leave_run(workspace, run.id)
        raise
    finally:
        if not is_launched:
            release_run(workspace, run.id)


def _train(workspace: Workspace, run: Run, fabric: Fabric) -> Work[Manifest]:
    config = TrainConfig(**run.config)
    folder = folder_of(workspace, run.id)
    dataset = open_dataset(workspace, config.dataset)
    rows, classes = labeled_rows(dataset)
    begin_run_data(folder, rows, classes, save=fabric.is_global_zero)
    fingerprint = dataset.catalog.fingerprint
    setup = yield from _set_up(workspace, config, fabric, dataset, folder)
    epoch = resume_epoch(setup)
    if fabric.is_global_zero:
        images = setup.validation
        begin_history(folder, setup.inputs.ids[images], setup.inputs.labels[images], classes)
        if setup.best < 0:
            write_weights(setup.network, folder)
    status, message = RunStatus.DONE, ""
    try:
        yield from _epochs(setup, epoch)
    except Stop:
        # All do the same, though the first may have deleted the request by the time others look
        if fabric.broadcast(is_pause_requested(folder)):
            save(setup, epoch)
            raise
        if not setup.history:
            raise
        status = RunStatus.STOPPED
    except WorkbenchError as error:  # The loss is not a number: the best epoch before is kept
        if not setup.history:
            raise
        status, message = RunStatus.STOPPED, str(error)
    manifest = None
    if fabric.is_global_zero:
        manifest = _publish(workspace, setup, classes, fingerprint)
        change_run(workspace, run.id, status=status, message=message, model=manifest.id)
    model_id = fabric.broadcast(manifest.id if manifest else "")
    return manifest or read_manifest(workspace.models / model_id)


def _set_up(
    workspace: Workspace, config: TrainConfig, fabric: Fabric, dataset: Dataset, folder: Path
) -> Work[Setup]:
    rows, classes = labeled_rows(dataset)
    torch.manual_seed(config.seed)
    network = EmbeddingNetwork(network_config(config, len(classes)))
    with fabric.rank_zero_first():  # The others read what it has cached
        yield from load_weights(workspace, network, config)
        network.to(fabric.device)
        inputs = yield from prepare_inputs(
            workspace, dataset, rows, network, config, choose_device()
        )
    return set_up(config, folder, fabric, network, inputs, rows)


def _epochs(setup: Setup, epoch: Epoch) -> Work[None]:
    """Train the remaining epochs; `epoch` always has the current position."""
    while epoch.number < setup.config.epochs and not _is_patience_over(setup):
        yield from train_epoch(setup, epoch)
        measured, is_stopped = yield from _measured(setup, epoch)
        setup.history.append(measured)
        _save_if_best(setup)
        if setup.fabric.is_global_zero:
            append_metrics(setup.folder, measured)
            write_events(setup.folder, measured)
        epoch.begin(epoch.number + 1)
        save(setup, epoch)
        if any_process(setup, is_stopped):
            raise Stop


def _measured(setup: Setup, epoch: Epoch) -> Work[tuple[dict[str, float], bool]]:
    """Return an epoch's metrics, and whether the training is to stop after them.

    Several processes all measure to the end: if one stopped before, the others would wait for it.
    """
    work = measure(setup, figures(setup, epoch))
    if setup.fabric.world_size == 1:
        return (yield from work), False
    return (yield from held_back(work))


def _is_patience_over(setup: Setup) -> bool:
    """Return whether mAP@10 has not improved for the config's `patience` epochs."""
    values = [measured.get(MAP, 0.0) for measured in setup.history]
    waited = len(values) - 1 - values.index(max(values)) if values else 0
    return 0 < setup.config.patience <= waited


def _save_if_best(setup: Setup) -> None:
    last, best = setup.history[-1], setup.history[max(0, setup.best)]
    if setup.best < 0 or last.get(MAP, 1.0) >= best.get(MAP, 1.0):
        setup.best = len(setup.history) - 1
        if setup.fabric.is_global_zero:
            write_weights(setup.network, setup.folder)


def _publish(workspace: Workspace, setup: Setup, classes: list[str], fingerprint: str) -> Manifest:
    config = setup.config
    with draft(workspace.models) as folder:
        shutil.copyfile(setup.folder / WEIGHTS, folder / WEIGHTS)
        lines = "".join(json.dumps(measured) + "\n" for measured in setup.history)
        (folder / METRICS).write_text(lines, encoding="utf-8")
        untrained = "" if config.epochs else "-untrained"
        return publish(
            folder,
            kind="model",
            stem=f"{config.dataset[:40]}-{config.backbone}{untrained}",
            config={
                "train": asdict(config),
                "network": asdict(setup.network.config),
            },
            made_from={"dataset": config.dataset, "dataset_fingerprint": fingerprint},
            summary=_summary(setup, classes),
        )


def _summary(setup: Setup, classes: list[str]) -> dict[str, object]:
    best = setup.history[setup.best] if setup.history else {}
    return {
        "classes": classes,
        "best_epoch": int(best.get("epoch", 0)),
        "epochs_trained": len(setup.history),
        "num_train": len(setup.train),
        "num_validation": len(setup.validation),
        "num_problems": int((~setup.inputs.usable).sum()),
        **{name: value for name, value in best.items() if name != "epoch"},
    }
