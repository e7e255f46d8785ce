"""Labels from the names of files, by a pattern such as `{class}_{number}`."""

import posixpath
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.roles import SPLITS, read_label, read_split, read_tags
from core.errors import WorkbenchError

MAX_LENGTH = 200
"""Most characters of a pattern."""

MAX_TEXTS = 3
"""Max. text placeholders: the time to match a name of length L grows as L to this power."""

MAX_NAME = 512
"""Longest path that is matched; longer ones do not match."""

USUAL = (
    (
        *("{class}_{number}", "{class}.{number}", "{class}-{number}", "{class} {number}"),
        *("{class} ({number})", "{number}_{class}"),
    ),
    ("{class}{number}",),
    ("{class}_{any}", "{class}-{any}"),
)
"""Common patterns in groups, tried in this order: later ones also match names of earlier ones."""

MAX_SAMPLED = 500
"""Max. number of names that are compared with the common patterns."""

TEXT = r"[^/]+"
PLACEHOLDERS = {
    "class": TEXT,
    "split": "|".join(sorted(SPLITS, key=len, reverse=True)),
    "tag": TEXT,
    "number": "[0-9]+",
    "any": TEXT,
}
"""Placeholder → what it matches; each takes as much as it can, the first one first."""

ADVICE = "Use {class}, {split}, {tag}, {number} and {any}, such as {class}_{number}."
TOKEN = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of file names that was checked."""

    regex: re.Pattern[str]
    num_parts: int
    """Number of last parts of a path that it matches."""

    has_extension: bool

    def read(self, path: str) -> Annotation | None:
        """Return what the name of an image's file says; None if it does not match."""
        name = unicodedata.normalize("NFC", "/".join(path.split("/")[-self.num_parts :]))
        if not self.has_extension:
            name = posixpath.splitext(name)[0]
        found = self.regex.fullmatch(name) if len(name) <= MAX_NAME else None
        if found is None:
            return None
        groups = found.groupdict()
        try:
            return Annotation(
                label=read_label(groups.get("class")),
                split=read_split(groups.get("split")),
                tags=read_tags([groups["tag"]] if "tag" in groups else []),
            )
        except ValueError:  # A label that is too long
            return None


def parse_pattern(text: str) -> Pattern:
    """Return a pattern that was checked.

    Placeholders are `{class}`, `{split}`, `{tag}`, `{number}` (digits) and `{any}`; the rest is
    matched as it is. With slashes it also matches the folders of an image, from the last one on;
    without an extension it matches any.

    Raises:
        WorkbenchError: It is empty or too long, has unknown placeholders, or none of class, split
            and tag.
    """
    text = unicodedata.normalize("NFC", text.strip())
    if not text or len(text) > MAX_LENGTH:
        raise WorkbenchError(f"A pattern has 1 to {MAX_LENGTH} characters.", ADVICE)
    tokens = [_token(found) for found in TOKEN.finditer(text)]
    names = [name for name, _ in tokens if name is not None]
    _check(names)
    regex, before = "", None
    for name, literal in tokens:
        if name is None:
            regex += re.escape(literal)
        else:
            is_text = PLACEHOLDERS.get(before or "") == TEXT
            if before == name or (is_text and name != "number"):
                problem = f"Nothing separates {{{before}}} and {{{name}}} in the pattern."
                raise WorkbenchError(problem, "Write a character between them, such as _.")
            regex += "(?<![0-9])" if is_text else ""  # So that {class} ends before the digits
            regex += _group(name)
        before = name
    last = text.rpartition("/")[2]
    return Pattern(
        regex=re.compile(regex, re.IGNORECASE),
        num_parts=text.count("/") + 1,
        has_extension=re.search(r"\.(\w{1,5}|\{any\})$", last) is not None,
    )


def suggest_pattern(paths: Sequence[str]) -> str:
    """Return the common pattern that matches most names, or the first if none matches half."""
    sampled = paths[:: max(1, len(paths) // MAX_SAMPLED)]
    for patterns in USUAL:
        parsed = {text: parse_pattern(text) for text in patterns}
        counts = {text: sum(map(bool, map(each.read, sampled))) for text, each in parsed.items()}
        best = max(counts, key=counts.__getitem__)  # The first of equal ones
        if sampled and 2 * counts[best] >= len(sampled):
            return best
    return USUAL[0][0]


def _token(found: re.Match[str]) -> tuple[str | None, str]:
    """Return the placeholder, or None and the plain text."""
    if found[3]:
        raise WorkbenchError(f"The pattern has an unmatched “{found[3]}”.", ADVICE)
    return found[1], found[2] or ""


def _group(name: str) -> str:
    is_read = name not in ("number", "any")
    return f"(?P<{name}>{PLACEHOLDERS[name]})" if is_read else f"(?:{PLACEHOLDERS[name]})"


def _check(names: list[str]) -> None:
    """Check the placeholders of a pattern.

    Raises:
        WorkbenchError: One is unknown or repeated, there are too many, or none is read.
    """
    if unknown := [name for name in names if name not in PLACEHOLDERS]:
        raise WorkbenchError(f"“{{{unknown[0]}}}” is not a placeholder.", ADVICE)
    for name in ("class", "split", "tag"):
        if names.count(name) > 1:
            raise WorkbenchError(f"The pattern has {{{name}}} twice.", "Use {any} for the other.")
    if not {"class", "split", "tag"} & set(names):
        raise WorkbenchError("The pattern has no {class}, {split} or {tag}.", ADVICE)
    texts = [name for name in names if PLACEHOLDERS[name] == TEXT]
    if len(texts) > MAX_TEXTS or len(names) > 2 * MAX_TEXTS:
        raise WorkbenchError(
            "The pattern has too many placeholders.",
            f"Use up to {MAX_TEXTS} of {{class}}, {{tag}} and {{any}}.",
        )
