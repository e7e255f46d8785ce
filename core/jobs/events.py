"""Event log of a job: JSON lines that the job appends and the server reads.

A line that a kill cut off is skipped.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.files import parse_json
from core.progress import Measurement, Progress

PROGRESS_EVERY_S = 0.2
"""Shortest time between two progress events; the end of a part and other events are always
written. So work may report each of its steps, however short."""


class EventWriter:
    """Appends the events of a job to its log."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._last = 0.0

    def report(self, event: Progress | Measurement) -> None:
        """Append a measurement, or progress unless the last is too recent."""
        if isinstance(event, Measurement):
            self.append("measurement", curve=event.curve, values=event.values)
        elif event.fraction == 1 or time.monotonic() - self._last >= PROGRESS_EVERY_S:
            self._last = time.monotonic()
            self.append("progress", done=event.done, total=event.total, note=event.note)

    def append(self, kind: str, **content: Any) -> None:
        """Append an event at once."""
        line = json.dumps({"kind": kind, "time": time.time(), **content})
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the log."""
        self._file.close()


@dataclass(slots=True)
class EventReader:
    """Reads each event of a growing log once."""

    path: Path
    _offset: int = 0
    _rest: bytes = field(default=b"")

    def new_events(self) -> list[dict[str, Any]]:
        """Return the events appended since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        events = []
        for line in lines:
            try:
                event = parse_json(line)
            except ValueError:  # Cut off by a kill
                continue
            if isinstance(event, dict) and "kind" in event:
                events.append(event)
        return events
