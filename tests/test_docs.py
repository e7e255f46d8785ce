"""The documentation names files that exist, and every verb and option of the command line."""

import re
from pathlib import Path

import pytest

from core.commands import COMMANDS
from tests.support.command_line_reference import visible_options
from tests.test_layers import CORE_ORDER

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    {
        path
        for pattern in ("*.md", "docs/*.md", "*/README.md", "tests/*/README.md")
        for path in ROOT.glob(pattern)
    }
)
FOLDERS = ("core", "state", "pages", "tests", "benchmarks")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"`((?:core|state|pages|tests|benchmarks|docs|\.ci|\.github)/[\w./-]*)`")
MODULE = re.compile(r"`(\w+\.(?:py|js|css))`")
NAMES = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")}
NAMES |= {path.name for path in ROOT.glob("*.py")}
COMMAND = re.compile(r"^python -m core +(\S+)(.*)$", re.MULTILINE)
OPTION = re.compile(r"(?<=[\s`])(--[a-z][a-z-]*)")
MAX_LINES = {"README.md": 120, "ARCHITECTURE.md": 200}


def anchors(document: Path) -> set[str]:
    """Return what a link to a heading of a document may end in, as GitHub has it."""
    headings = HEADING.findall(document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target, anchor in LINK.findall(text):
        if "://" not in target:
            linked = (document.parent / target).resolve()
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"
    assert not [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    if document.name != "README.md":  # Which names files of the seed demo
        assert not set(MODULE.findall(text)) - NAMES


@pytest.mark.parametrize("document", MAX_LINES)
def test_a_document_is_short(document: str) -> None:
    assert len((ROOT / document).read_text(encoding="utf-8").splitlines()) <= MAX_LINES[document]


def test_the_import_order_is_that_of_the_layers() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    [order] = re.findall(r"^errors <[^`]*", text, re.MULTILINE)
    rows = [{name.strip() for name in row.split(",")} for row in order.split("<")]
    assert rows == [set(row) for row in CORE_ORDER]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_are_valid(document: Path) -> None:
    for verb, rest in COMMAND.findall(document.read_text(encoding="utf-8")):
        if verb.islower():
            assert not set(OPTION.findall(rest)) - visible_options(verb), verb


def test_every_verb_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `(.+?)`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(COMMANDS)
    for verb, section in sections.items():
        names = "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
        assert set(OPTION.findall(names)) == visible_options(verb), verb
