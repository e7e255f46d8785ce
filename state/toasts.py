"""Toasts: messages in passing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Toast:
    """A message in passing."""

    sentence: str
    is_error: bool = False
    """Whether it stays until it is closed."""
