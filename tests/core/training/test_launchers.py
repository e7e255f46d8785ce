"""The administrator's file of launchers: what it says, and each way in which it can be wrong."""

from pathlib import Path

import pytest

from core.errors import WorkbenchError
from core.training.launchers import VARIABLE, Launcher, filled_in, find_launcher, read_launchers

GOOD = """
[slurm]
command = ["srun", "--nodes={nodes}", "{command}"]
[ray]
command = ["ray", "job", "submit", "--submission-id={launch}", "--", "{command}"]
stop = ["ray", "job", "stop", "{launch}"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "launchers.toml"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_without_the_variable_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_launchers() == {}


def test_launchers_are_read_in_order(file: Path) -> None:
    file.write_text(GOOD)
    slurm, ray = read_launchers().values()
    assert slurm == Launcher(name="slurm", command=("srun", "--nodes={nodes}", "{command}"))
    assert (slurm.takes_nodes, ray.takes_nodes) == (True, False)
    assert ray.stop == ("ray", "job", "stop", "{launch}")


def test_the_command_is_several_arguments_and_values_are_parts_of_one() -> None:
    template = ("srun", "--nodes={nodes}", '--json={"a": {}}', "{command}", "{run}")
    values = {"nodes": "2", "run": "a; rm -rf $HOME {command}"}
    assert filled_in(template, ["python", "-m", "core"], values) == [
        "srun",
        "--nodes=2",
        '--json={"a": {}}',
        *("python", "-m", "core"),
        "a; rm -rf $HOME {command}",  # One argument, which no shell reads and nothing fills in
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[slurm", "is wrong: "),
        ('slurm = ["srun"]', "[slurm] must have the list of texts “command”"),
        ('[slurm]\nstop = ["scancel"]', "[slurm] must have the list of texts “command”"),
        ('[slurm]\ncommand = "srun {command}"', "[slurm] must have the list of texts “command”"),
        ('[slurm]\ncommand = ["{command}"]\nshell = ["x"]', "[slurm] must have the list of texts"),
        ("[slurm]\ncommand = []", "[slurm]: its command is empty"),
        ('[slurm]\ncommand = ["srun"]', "{command} must be one argument of its command"),
        ('[slurm]\ncommand = ["sh", "-c", "{command}; ls"]', "{command} must be one argument"),
        ('[slurm]\ncommand = ["{command}", "{command}"]', "{command} must be one argument"),
        ('[slurm]\ncommand = ["{command}"]\nstop = ["{command}"]', "{command} must be one"),
        ('[slurm]\ncommand = ["-N{node}", "{command}"]', "“-N{node}” contains another placeholder"),
        ('["a b"]\ncommand = ["{command}"]', "“a b” cannot be a name"),
    ],
)
def test_a_wrong_file_is_one_sentence(file: Path, content: str, problem: str) -> None:
    file.write_text(content)
    with pytest.raises(WorkbenchError) as raised:
        read_launchers()
    assert str(raised.value).startswith(f"The file of launchers {file} is wrong: ")
    assert problem in raised.value.problem
    assert raised.value.advice == f"Correct it, or unset {VARIABLE}."


def test_a_missing_file_is_one_sentence(file: Path) -> None:
    with pytest.raises(WorkbenchError, match="cannot be read: No such file or directory"):
        read_launchers()


def test_an_unknown_launcher_is_one_sentence(file: Path) -> None:
    file.write_text(GOOD)
    assert find_launcher("ray").name == "ray"
    with pytest.raises(WorkbenchError, match=r"no launcher “lsf” \(configured: slurm, ray\)"):
        find_launcher("lsf")
