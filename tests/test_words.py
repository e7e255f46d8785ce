"""Texts of pages, messages and command line use the vocabulary of the field.

A text is a string literal that is no docstring, or a help of the command line.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.command_line_reference import reference

ROOT = Path(__file__).parent.parent
INSTEAD = {
    "import": r"bring(s|ing)? (it |them |your )?(in|back)\b|brought in|take in\b",
    "export": r"take out|taken out",
    "dismiss": r"put away",
    "remove, delete": r"tak(e|en|es) away|let go|took from|take off\b",
    "include, exclude": r"take in again|in again|out of use|in use\b",
    "class": r"categor(y|ies)|kinds? of pictures?",
    "image": r"\bpictures?\b",
    "sample dataset": r"drawn set",
    "backbone": r"\btrunks?\b",
    "head": r"new layers",
    "frozen": r"stay as they are",
    "gradient clipping": r"longest gradient",
    "metric-loss weight": r"its share of the loss",
    "preset": r"\brecipes?\b",
    "initial weights": r"know at the start",
    "distance metric": r"compare by",
    "nprobe, efSearch": r"how far a search looks|groups looked into|links of an image",
    "index recall": r"neighbou?r recall|hold(s)? to exact search",
    "query, results": r"\b(asked|answered) (by|with)|surprise me|one question|many at once",
    "positive, negative example": r"wanted after all|not wanted|\bliked\b",
    "combine": r"\bblend",
    "min. similarity": r"least similarity|least distance",
    "duplicate": r"\btwins?\b|look-?alikes?\b|\balike\b|\bleaders?\b|\bfolds?\b",
    "leakage": r"\bleaks\b",
    "kNN vote": r"neighbou?rs say",
    "out-of-distribution": r"like nothing in|\bstanding\b",
    "map": r"draw (a|the|another) map|map is drawn|walk through",
    "query split, gallery split": r"who asks|(those|class) that asks?|may be found|asks among",
    "macro, micro": r"classes alike|queries alike",
    "CI": r"95 times in 100|where it would lie",
    "data quality": r"\bfinders?\b|suspects?\b|look(ed|s)? through|\bfindings\b|a doubt of",
    "interrupted": r"without a word",
    "index benchmark, recommend": r"\bindex lab\b|\badvise\b|keeps its word",
    "American spelling": r"colour|neighbour|normalis|\bcentre|artefact",
    "undo": r"tak(e|es|en) (it |them )?back|step back",
    "empty": r"\bnot yet\b|\bnone yet\b",
    "re-run": r"look again",
    "add, remove tag": r"\bput on\b",
    "most confused": r"mixes up",
    "sample retrievals": r"what it finds",
    "continues, resumes": r"\bgo(es)? on\b",
    "plain": r"of no use|\bout of the latter\b|\blatter\b",
}
"""What to say → what not to say."""

ALLOWED = {
    "core/artifacts/upgrades.py",  # Names of earlier releases
    "core/datasets/database.py",
}


def docstrings(tree: ast.AST) -> set[int]:
    """Return the ids of the nodes of docstrings, of fields too."""
    return {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }


@cache
def texts_of(file: Path) -> list[tuple[int, str]]:
    """Return line and text of each string literal that people may read."""
    tree = ast.parse(file.read_text())
    hidden = docstrings(tree)
    return [
        (node.lineno, re.sub(r":material/\w+:", "", node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in hidden
        and not node.value.startswith("\n<")  # HTML with names of classes
        and not re.search(r"\b(SELECT|UPDATE|INSERT|ALTER|DELETE FROM|WHERE)\b", node.value)
    ]


@cache
def python_files() -> list[Path]:
    files = [ROOT / "Home.py"]
    for folder in ("pages", "state", "core"):
        files += sorted((ROOT / folder).rglob("*.py"))
    return [file for file in files if file.relative_to(ROOT).as_posix() not in ALLOWED]


@pytest.mark.parametrize("word", INSTEAD)
def test_pages_and_messages_say(word: str) -> None:
    wrong = re.compile(rf"\b({INSTEAD[word]})", re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text.strip()[:90]}"
        for file in python_files()
        for line, text in texts_of(file)
        if (" " in text or text[:1].isupper()) and wrong.search(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("word", INSTEAD)
def test_scripts_of_pages_say(word: str) -> None:
    wrong = re.compile(rf"\b({INSTEAD[word]})", re.IGNORECASE)
    found = [
        f"{file.name}: {text}"
        for file in sorted((ROOT / "pages").rglob("*.js"))
        for text in re.findall(r"\"([^\"\n]* [^\"\n]*)\"|`([^`\n]* [^`\n]*)`", file.read_text())
        if wrong.search(" ".join(text))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("word", INSTEAD)
def test_the_command_line_says(word: str) -> None:
    wrong = re.compile(rf"\b(?:{INSTEAD[word]})", re.IGNORECASE)
    found = [line for line in without_old_names().splitlines() if wrong.search(line)]
    assert not found, "\n".join(found)


@cache
def without_old_names() -> str:
    """Return the help of all verbs, without the table of renamed ones."""
    return reference().split("## Renamed")[0]
