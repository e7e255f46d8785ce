"""Validation of tags and labels."""

from core.errors import WorkbenchError

MAX_NAME_LENGTH = 200
"""Most characters of a tag or a label."""


def check_text(kind: str, text: str) -> str:
    """Return a tag or label without surrounding spaces.

    Raises:
        WorkbenchError: It is empty, too long, or has control characters.
    """
    text = text.strip()
    if not text:
        raise WorkbenchError(f"The {kind} is empty.", "Write a word or two.")
    if len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise WorkbenchError(
            f"“{text[:40]}” cannot be a {kind}.",
            f"Use up to {MAX_NAME_LENGTH} characters, all on one line.",
        )
    return text
