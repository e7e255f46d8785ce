"""Formatting for pages: names from outside (files, folders, classes) as plain text, and numbers."""

import html
import re

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&])")
LINK = re.compile(r"(?i)(://|www\.)")
WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Return `text` escaped, so that Streamlit's Markdown shows it literally, without links."""
    unlinked = LINK.sub(lambda match: match[0][:-1] + WORD_JOINER + match[0][-1], text)
    return MARKDOWN.sub(r"\\\1", unlinked.replace("\n", " "))


def plotly_text(text: str) -> str:
    """Return `text` escaped for plotly, which renders names as HTML."""
    return html.escape(text, quote=False)


def stale_badge(reason: str) -> str:
    """Return a badge in Markdown, with a space before it; empty without a reason."""
    return f" :orange-badge[stale: {reason}]" if reason else ""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as 1 image or 2,000 images."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shortened(text: str, length: int) -> str:
    """Return `text` cut to a number of characters, the last of them an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def duration(seconds: float) -> str:
    """Return a duration, such as 0.4 s, 45 s, 3 min 20 s or 1 h 05 min."""
    if seconds < 1:
        return f"{max(seconds, 0):.1g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def size(num_bytes: float) -> str:
    """Return a number of bytes with its unit, such as 4.2 MB."""
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"
