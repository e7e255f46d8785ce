"""The Training page through Home.py: its form, runs and models, and invalid input."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.columns import ImageFilter
from core.datasets.curation import relabel
from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.jobs import processes
from core.jobs.records import Status
from core.lineage.graph import read_lineage
from core.models.backbones import BACKBONES
from core.models.exports import ModelFormat, exported_file
from core.progress import Progress, Stop, finish
from core.training.config import TrainConfig
from core.training.launchers import VARIABLE
from core.training.presets import PRESETS
from core.training.runs import list_runs, read_metrics, read_run, request_pause
from core.training.train import resume, train
from core.workspace import Workspace
from pages.parts.components.text import plain, size
from state import resources
from state.trainings import run_id_of
from tests.support.page_fixtures import Open, open_jobs, picked, picker, said_in_passing, texts
from tests.support.processes import wait_for

LAUNCH = processes.launch


def choose_preset(app: AppTest, name: str) -> None:
    """Choose a preset, from the menu unless it is one of the first."""
    pills = app.pills(key="training-preset")
    if PRESETS[name].label in pills.options:
        pills.set_value(name).run()
    else:
        app.menu_button(key="training-presets-more").click(PRESETS[name].label).run()


@pytest.mark.slow
@pytest.mark.parametrize("named", ["none", "imagenet", "~nobody/vgg16.pth"])
def test_a_weights_file_is_a_file_whatever_its_name(
    full: Workspace, visit: Open, named: str
) -> None:
    app = visit("training")
    app.segmented_control(key="training-instant-weights").set_value("Weights file").run()
    app.text_input(key="training-instant-file").set_value(named).run()
    app.button(key="training-start").click().run()
    job = resources.jobs().views()[0]
    ended = resources.jobs().wait(job.record.id, timeout=60)
    assert ended.record.status == Status.FAILED
    assert "There is no file" in ended.message


@pytest.mark.slow
def test_a_queued_training_can_be_stopped_and_both_ends_are_shown(
    full: Workspace, visit: Open
) -> None:
    app = visit("training")
    choose_preset(app, "scratch_quick")
    for epochs in (900, 800):
        app.number_input(key="training-scratch_quick-epochs").set_value(epochs).run()
        app.button(key="training-start").click().run()
    second, first = resources.jobs().views()
    for view in (second, first):
        open_jobs(app)
        app.button(key=f"job-stop-menu-{view.record.id}").click().run()
        resources.jobs().wait(view.record.id, 120)
    shown = open_jobs(app)
    assert "900 epochs: stopped" in shown
    assert "800 epochs: stopped" in shown


@pytest.mark.slow
def test_training_is_launched_with_the_forms_settings(full: Workspace, visit: Open) -> None:
    app = visit("training")
    choose_preset(app, "scratch_quick")
    app.number_input(key="training-scratch_quick-epochs").set_value(1).run()
    app.number_input(key="training-scratch_quick-image_size").set_value(32).run()
    app.number_input(key="training-scratch_quick-batch_size").set_value(16).run()
    app.button(key="training-start").click().run()
    [view] = resources.jobs().views()
    arguments = view.record.arguments
    assert arguments[:3] == ("train", "--dataset", "colors")
    assert arguments[arguments.index("--epochs") + 1] == "1"
    assert arguments[arguments.index("--batch-size") + 1] == "16"  # TrainConfig's own default
    ended = resources.jobs().wait(view.record.id, 120)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    app.run()
    assert picked(app)[1] == "vgg16_bn"
    assert not app.exception


@pytest.fixture
def launchers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's file, with a launcher that fails at once and takes nodes."""
    path = tmp_path / "launchers.toml"
    script = "import sys; sys.exit(int(sys.argv[1]))"
    command = json.dumps([sys.executable, "-S", "-c", script, "{nodes}", "{command}"])
    path.write_text(f"[slurm]\ncommand = {command}\n")
    monkeypatch.setattr(processes, "launch", LAUNCH)  # A fork has the environment of before
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.mark.slow
def test_without_a_launcher_there_is_no_choice(full: Workspace, visit: Open) -> None:
    assert "training-launcher" not in [box.key for box in visit("training").selectbox]


@pytest.mark.slow
def test_a_training_starts_and_resumes_under_the_chosen_launcher(
    full: Workspace, visit: Open, launchers: Path
) -> None:
    app = visit("training")
    choose_preset(app, "scratch_quick")
    assert app.selectbox(key="training-launcher").value == "This machine"
    assert "training-nodes" not in [field.key for field in app.number_input]
    app.selectbox(key="training-launcher").set_value("slurm").run()
    assert "training-estimate" not in [button.key for button in app.button]  # Of this machine
    app.number_input(key="training-nodes").set_value(2).run()
    app.button(key="training-start").click().run()
    [view] = resources.jobs().views()
    assert view.record.arguments[-4:] == ("--launcher", "slurm", "--nodes", "2")
    assert view.record.lane != "compute"
    ended = resources.jobs().wait(view.record.id, 60)
    sentence = "The launcher “slurm” ended with status 2 before the training did."
    assert (ended.record.status, ended.message[: len(sentence)]) == (Status.FAILED, sentence)
    app.run()
    assert sentence in app.error[0].value.replace("\\", "")

    launchers.write_text("[other]\ncommand = ['{command}']\n")
    app.button(key="training-resume").click().run()
    resumed = resources.jobs().views()[0]
    assert resumed.record.arguments[3:] == ("--launcher", "slurm", "--nodes", "2")
    ended = resources.jobs().wait(resumed.record.id, 60)
    assert "There is no launcher “slurm” (configured: other)." in ended.message


def test_a_wrong_file_of_launchers_is_a_sentence(
    full: Workspace, visit: Open, launchers: Path
) -> None:
    launchers.write_text("[slurm]\ncommand = ['srun']\n")
    app = visit("training")
    [warning] = app.warning
    assert "[slurm]: {command} must be one argument" in warning.value.replace("\\", "")
    assert app.button(key="training-start")


def choose(app: AppTest, *rows: int) -> None:
    """Select rows in the table of runs."""
    app.session_state["training-runs"] = {"selection": {"rows": list(rows), "columns": []}}
    app.run()
    assert not app.exception


def another_run(workspace: Workspace, **settings: Any) -> str:
    """Make an untrained model with other settings; return its run's id."""
    untrained: dict[str, Any] = {
        "dataset": "colors",
        "backbone": "resnet18",
        "weights": "none",
        "trainable_blocks": 4,
        "image_size": 32,
        "epochs": 0,
    }
    finish(train(workspace, TrainConfig(**untrained | settings)))
    return list_runs(workspace)[0].id


@pytest.mark.slow
def test_a_preset_fills_the_fields_and_they_can_be_changed(full: Workspace, visit: Open) -> None:
    app = visit("training")
    assert app.pills(key="training-preset").value == "instant"  # Its weights are installed
    assert "download" not in texts(app).replace("without a download", "")
    choose_preset(app, "classic")
    assert "4 of 5 blocks frozen · batch 16 · 128-d" in texts(app)
    assert app.number_input(key="training-classic-epochs").value == 10
    assert "528 MB download" in texts(app)
    choose_preset(app, "best")
    assert app.selectbox(key="training-best-metric_loss").value == "supcon"
    assert "2 of 4 blocks frozen · batch 64" in texts(app)
    app.selectbox(key="training-best-backbone").set_value("convnext_tiny").run()
    app.number_input(key="training-best-convnext_tiny-trainable_blocks").set_value(0).run()
    assert "4 of 4 blocks frozen" in texts(app)
    assert "109 MB" in texts(app)  # ImageNet's weights are not here


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["quick", "scratch_quick", "best"])
@pytest.mark.parametrize(
    "backbone",
    ["resnet18", "vit_small_patch14_dinov2.lvd142m", "vit_base_patch16_siglip_224.v2_webli"],
)
def test_the_forms_defaults_fit_the_backbone(
    full: Workspace, visit: Open, preset: str, backbone: str
) -> None:
    app = visit("training")
    choose_preset(app, preset)
    app.selectbox(key=f"training-{preset}-backbone").set_value(backbone).run()
    assert not app.exception
    assert not app.error
    assert app.button(key="training-start")
    step = BACKBONES[backbone].size_step
    key = f"training-{preset}-{step}-image_size" if step > 1 else f"training-{preset}-image_size"
    size = app.number_input(key=key).value
    assert size
    assert size % step == 0


@pytest.mark.slow
def test_parameters_and_disk_space_are_shown_before(full: Workspace, visit: Open) -> None:
    app = visit("training")
    choose_preset(app, "classic")
    block, head = 3 * (512 * 512 * 9 + 512), 25_088 * 128 + 2 * 128 + 128 * 3 + 3
    shown = texts(app)
    assert f"{(block + head) / 1e6:.1f} M trainable parameters, 7.6 M frozen" in shown
    counts = open_dataset(full, "colors").catalog.class_counts()
    num_images = sum(count for _, split, count in counts if split != "test")
    assert size(num_images * 512 * 14 * 14 * 2) + " of disk" in shown


@pytest.mark.slow
def test_invalid_settings_are_shown_and_cannot_be_started(full: Workspace, visit: Open) -> None:
    app = visit("training")
    choose_preset(app, "best")
    app.number_input(key="training-best-batch_size").set_value(30).run()
    assert "batch\\_size must be a multiple of samples\\_per\\_class" in app.error[0].value
    assert not [button for button in app.button if button.key == "training-start"]


@pytest.mark.slow
def test_the_time_is_measured_on_request(full: Workspace, visit: Open) -> None:
    app = visit("training")
    choose_preset(app, "scratch_quick")
    app.number_input(key="training-scratch_quick-image_size").set_value(32).run()
    app.button(key="training-estimate").click().run()
    [view] = resources.jobs().views()
    resources.jobs().wait(view.record.id, 120)
    app.run()
    assert ":material/timer: About **" in texts(app)
    app.number_input(key="training-scratch_quick-epochs").set_value(9).run()
    assert app.button(key="training-estimate")  # Unknown for other settings


@pytest.mark.slow
def test_sixteen_augmented_images_are_shown_and_others_on_request(
    full: Workspace, visit: Open
) -> None:
    app = visit("training")
    app.selectbox(key="training-instant-augment").set_value("strong").run()
    app.toggle(key="training-preview").set_value(True).run()
    dataset = open_dataset(full, "colors")
    images = resources.augmented_images(dataset, "strong", 224, 0)
    assert len(images) == 16
    app.button(key="training-preview-others").click().run()
    assert not app.exception
    assert images != resources.augmented_images(dataset, "strong", 224, 1)


@pytest.mark.slow
def test_a_run_is_named_noted_repeated_and_deleted(full: Workspace, visit: Open) -> None:
    [run] = list_runs(full)
    app = visit("training")
    choose(app, 0)
    app.text_input(key=f"title-{run.id}").set_value("First *try*")
    app.text_area(key=f"notes-{run.id}").set_value("No learning yet.")
    app.button(key=f"training-notes-save-{run.id}").click().run()
    assert "**First \\*try\\***" in texts(app)
    assert list_runs(full)[0].notes == "No learning yet."

    app.button(key="training-again-button").click().run()
    assert "Settings of the run First \\*try\\*" in texts(app)
    assert app.selectbox(key=f"training-{run.id}-backbone").value == "mobilenet_v3_large"
    assert "from scratch" in texts(app)

    app.button(key="training-run-delete").click().run()
    assert list_runs(full) == []
    assert "colors-mobilenet_v3_large-untrained" in app.dataframe[-1].value["model"].tolist()
    assert not app.exception


@pytest.mark.slow
def test_selected_runs_are_compared_by_curves_and_settings(full: Workspace, visit: Open) -> None:
    other = another_run(full)
    app = visit("training")
    choose(app, 0, 1)
    [differing] = [table.value for table in app.dataframe if "setting" in table.value]
    assert dict(zip(differing["setting"], differing[other], strict=True)) == {
        "backbone": "resnet18",
        "trainable_blocks": "4",
        "image_size": "32",
    }
    assert app.segmented_control(key="training-compare-measure").value == "validation_map_at_10"


@pytest.mark.slow
def test_a_paused_run_can_be_resumed(full: Workspace, visit: Open) -> None:
    catalog = open_dataset(full, "colors").catalog
    for_samples = catalog.rows(ImageFilter(splits=("train",)))[::3]  # Several of each class
    catalog.set_splits({row.id: "validation" for row in for_samples})
    app = visit("training")
    choose_preset(app, "scratch_quick")
    app.selectbox(key="training-scratch_quick-backbone").set_value("mobilenet_v3_large").run()
    app.number_input(key="training-scratch_quick-image_size").set_value(32).run()
    app.number_input(key="training-scratch_quick-epochs").set_value(900).run()
    app.button(key="training-start").click().run()
    board = resources.jobs()
    [view] = board.views()
    run_id, model = run_id_of(view.record), full.models / "colors-mobilenet_v3_large"
    wait_for(lambda: read_metrics(full, run_id) != [], 90)
    app.run()
    assert "Validation queries after epoch" in texts(app)
    app.button(key=f"job-pause-page-{view.record.id}").click().run()
    board.wait(view.record.id, 60)
    app.run()
    assert f"{plain(run_id)}: paused" in open_jobs(app)
    assert not model.exists()

    epochs = len(read_metrics(full, run_id))
    app.button(key="training-resume").click().run()
    second = board.views()[0]
    assert second.record.arguments == ("resume", "--run-id", run_id)
    wait_for(lambda: len(read_metrics(full, run_id)) > epochs, 90)
    app.run()
    app.button(key=f"job-stop-page-{second.record.id}").click().run()
    board.wait(second.record.id, 60)
    app.run()
    assert "stopped; the best result so far is saved" in texts(app)
    assert model.exists()
    numbers = [measured["epoch"] for measured in read_metrics(full, run_id)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_a_run_on_a_changed_dataset_leads_to_a_new_one(full: Workspace, visit: Open) -> None:
    settings: dict[str, Any] = {
        "dataset": "colors",
        "backbone": "mobilenet_v3_large",
        "weights": "none",
        "trainable_blocks": 5,
        "image_size": 32,
        "epochs": 2,
    }
    work = train(full, TrainConfig(**settings), "before")
    for event in work:
        if isinstance(event, Progress) and "epoch 2 of 2 · " in event.note:
            break
    request_pause(full, "before")
    with pytest.raises(Stop):
        work.throw(Stop())
    catalog = open_dataset(full, "colors").catalog
    relabel(catalog, [row.id for row in catalog.rows(ImageFilter(splits=("train",)))[:3]], "c")
    with pytest.raises(WorkbenchError):
        finish(resume(full, "before"))
    app = visit("training")
    [error] = app.error
    assert error.value.replace("\\", "") == (
        "The dataset has changed since this run started: classes added (c). "
        "Start a new run from its checkpoint."
    )
    app.button(key="training-checkpoint").click().run()
    [view] = resources.jobs().views()
    arguments = view.record.arguments
    checkpoint = full.runs / "before" / "model.safetensors"
    assert arguments[arguments.index("--weights") + 1] == str(checkpoint)
    ended = resources.jobs().wait(view.record.id, 60)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    assert read_run(full, run_id_of(view.record)).config["weights"] == str(checkpoint)
    assert "c" in next(iter(read_lineage(full).models)).summary["classes"]


@pytest.mark.slow
def test_a_model_is_indexed_and_evaluated_with_one_button(full: Workspace, visit: Open) -> None:
    another_run(full)
    app = visit("training")
    app.session_state["training-models"] = {"selection": {"rows": [0], "columns": []}}
    app.run()
    app.button(key="training-index").click().run()
    assert app.title[0].value == "Indexes"
    [view] = resources.jobs().views()
    ended = resources.jobs().wait(view.record.id, 120)
    assert ended.record.status == Status.DONE
    assert read_lineage(full).evaluation_of("colors") is not None
    app.run().switch_page("pages/training.py").run()
    tested = app.dataframe[-1].value.set_index("model")["test mAP@10"]
    assert 0 < tested["colors-resnet18-untrained"] <= 1


@pytest.mark.slow
def test_a_model_is_exported_and_imported_again(
    full: Workspace, visit: Open, tmp_path: Path
) -> None:
    app = visit("training")
    app.session_state["training-models"] = {"selection": {"rows": [0], "columns": []}}
    app.run()
    app.button(key="training-export-go").click().run()
    [view] = resources.jobs().views()
    assert resources.jobs().wait(view.record.id, 90).record.status == Status.DONE
    app.run()
    assert "colors\\-mobilenet\\_v3\\_large\\-untrained\\.zip" in texts(app)

    path = exported_file(full, "colors-mobilenet_v3_large-untrained", ModelFormat.TORCH)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.safetensors")
    app.file_uploader(key="training-imports-0").upload("model.safetensors", weights).run()
    app.text_input(key="training-import-name").set_value("again").run()
    app.button(key="training-import-go").click().run()
    view = resources.jobs().views()[0]
    assert resources.jobs().wait(view.record.id, 90).record.status == Status.DONE
    app.run()
    assert app.session_state["selection"].model == "again"
    table = app.dataframe[-1].value.set_index("model")
    assert table.loc["again", "dataset"] == "imported"
    assert not list((full.downloads / "uploads").iterdir())


@pytest.mark.slow
def test_a_file_that_is_no_model_is_refused(full: Workspace, visit: Open) -> None:
    app = visit("training")
    app.file_uploader(key="training-imports-0").upload("model.pth", b"no model").run()
    app.text_input(key="training-import-name").set_value("again").run()
    app.button(key="training-import-go").click().run()
    [view] = resources.jobs().views()
    resources.jobs().wait(view.record.id, 90)
    app.run()
    assert "model.pth is a text file." in said_in_passing(app)
    assert not app.exception


@pytest.mark.slow
def test_deleting_the_current_model_selects_another_without_an_error(
    full: Workspace, visit: Open
) -> None:
    another_run(full)
    app = visit("training")
    current = picked(app)[1]
    row = [model.id for model in read_lineage(full).models].index(f"colors-{current}")
    app.session_state["training-models"] = {"selection": {"rows": [row], "columns": []}}
    app.run()
    app.button(key="training-delete").click().run()
    assert said_in_passing(app) == "Model deleted"
    assert picked(app)[1] not in (None, current)


@pytest.mark.slow
def test_a_model_without_an_index_leads_and_the_form_folds(full: Workspace, visit: Open) -> None:
    app = visit("training")
    assert "training-next" not in [button.key for button in app.button]
    run = another_run(full)
    app = visit("training")
    picker(app, "header-model").set_value("colors-resnet18-untrained").run()
    assert app.button(key="training-next").label == "Build index"
    assert app.header[0].value == plain(run)
    assert app.button(key="training-start")  # In the popover


@pytest.mark.slow
def test_runs_have_a_sparkline_of_their_epochs(full: Workspace, visit: Open) -> None:
    app = visit("training")
    [table] = [frame.value for frame in app.dataframe if "run" in frame.value]
    assert [len(curve) for curve in table["mAP@10 by epoch"]] == [0]  # Untrained
