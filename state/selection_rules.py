"""Rules of a tab's selection: results of its jobs are selected, names that are gone replaced."""

from core.artifacts.manifests import Manifest
from core.commands import find_command
from core.jobs.records import Status
from core.lineage.graph import Lineage
from state.job_views import JobView
from state.jobs import JobBoard
from state.session import Selection
from state.toasts import Toast


def adopt_results(chosen: Selection, board: JobBoard, lineage: Lineage) -> None:
    """Select the results of jobs that this tab launched and that have ended, each once."""
    for job_id in list(chosen.launched_jobs):
        view = board.view(job_id)
        if view is not None and view.active:
            continue
        chosen.launched_jobs.remove(job_id)
        if view is not None:
            _announce(chosen, view)
            _choose_result(chosen, view, lineage)


def _announce(chosen: Selection, view: JobView) -> None:
    """Queue a toast with the outcome of a job."""
    title = view.record.title
    match view.record.status:
        case Status.DONE:
            chosen.toasts.append(Toast(f"{title}: done"))
        case Status.FAILED:
            chosen.toasts.append(Toast(f"{title}: failed. {view.message}", is_error=True))
        case Status.INTERRUPTED:
            chosen.toasts.append(Toast(f"{title}: interrupted", is_error=True))


def validate(chosen: Selection, lineage: Lineage) -> None:
    """Replace selected names that are gone by the newest that fits or None, and add a notice."""
    _note_what_is_gone(chosen, lineage)
    if chosen.dataset not in lineage.datasets:
        if chosen.dataset is not None:  # The URL of a new tab may name images and no dataset
            chosen.reset_images()
        chosen.dataset = next(iter(lineage.datasets), None)
    index = lineage.index(chosen.index)
    if lineage.model(chosen.model) is None:
        chosen.model = _model_for(chosen.dataset, index, lineage)
    fits = {"dataset": chosen.dataset, "model": chosen.model}
    if index is None or not fits.items() <= index.made_from.items():
        chosen.index = _newest(lineage.indexes_of(dataset=chosen.dataset, model=chosen.model))


def _model_for(dataset: str | None, index: Manifest | None, lineage: Lineage) -> str | None:
    """Return the model of the index, of the newest index, the newest, or an imported one."""
    candidates = [index] if index is not None and index.made_from["dataset"] == dataset else []
    for made in [*candidates, *lineage.indexes_of(dataset=dataset)]:
        if lineage.model(made.made_from["model"]) is not None:
            return made.made_from["model"]
    return _newest([*lineage.models_of(dataset), *lineage.imported])


def _note_what_is_gone(chosen: Selection, lineage: Lineage) -> None:
    """Add a notice for each selected name that is gone."""
    for kind, name, found in (
        ("dataset", chosen.dataset, chosen.dataset in lineage.datasets),
        ("model", chosen.model, lineage.model(chosen.model)),
        ("index", chosen.index, lineage.index(chosen.index)),
    ):
        if name is not None and not found:
            chosen.toasts.append(Toast(f"The {kind} “{name}” does not exist.", is_error=True))


def choose_dataset(chosen: Selection, name: str, lineage: Lineage) -> None:
    """Select another dataset, with its newest model and index."""
    if name == chosen.dataset:
        return
    chosen.reset_images()
    chosen.dataset = name
    indexes = lineage.indexes_of(dataset=name)
    if indexes:
        choose_index(chosen, indexes[0].id, lineage)
    else:
        chosen.model = _newest([*lineage.models_of(name), *lineage.imported])
        chosen.index = None


def choose_index(chosen: Selection, index_id: str, lineage: Lineage) -> None:
    """Select an index, with the model and the dataset that it was made from."""
    index = lineage.index(index_id)
    if index is not None:
        if index.made_from["dataset"] != chosen.dataset:
            chosen.reset_images()
        chosen.dataset = index.made_from["dataset"]
        chosen.model = index.made_from["model"]
        chosen.index = index_id


def _choose_result(chosen: Selection, view: JobView, lineage: Lineage) -> None:
    command = find_command(view.record.verb)
    if command is None or view.result is None:
        return
    name = view.result[command.result_key] if command.makes else ""
    match command.makes:
        case "dataset":
            choose_dataset(chosen, name, lineage)
        case "model" if view.record.status in (Status.DONE, Status.STOPPED):
            chosen.model = name
        case "evaluation":
            chosen.evaluation = name
        case "index":
            choose_index(chosen, name, lineage)


def _newest(manifests: list[Manifest]) -> str | None:
    return manifests[0].id if manifests else None
