"""Texts of strangers (names of files, folders and classes) and numbers, fit to be shown."""

import html
import re

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&])")
LINK = re.compile(r"(?i)(://|www\.)")
WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Return `text` such that Streamlit's Markdown shows it letter by letter, without links."""
    unlinked = LINK.sub(lambda found: found[0][:-1] + WORD_JOINER + found[0][-1], text)
    return MARKDOWN.sub(r"\\\1", unlinked.replace("\n", " "))


def plotly_text(text: str) -> str:
    """Return `text` escaped for plotly, which renders names as HTML."""
    return html.escape(text, quote=False)


def shortened(text: str, length: int) -> str:
    """Return `text` cut to a number of characters, the last of them an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 0.4 s, 45 s, 3 min 20 s, 1 h 05 min."""
    if seconds < 1:
        return f"{max(seconds, 0):.1g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def size(num_bytes: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"
