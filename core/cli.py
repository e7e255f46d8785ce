"""The headless command: `python -m core VERB`. The verbs are in `commands`.

Exit status: 0 done, 1 error (one sentence on stderr), 2 wrong usage, 130 stopped.
Progress goes to stderr, results to stdout.
"""

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType

from core.commands import COMMANDS, build_parser, replace_old_names
from core.commands.command import Result
from core.errors import WorkbenchError
from core.files import FULL_DISK
from core.jobs.events import EventWriter
from core.jobs.ranks import read_ranks
from core.jobs.records import EVENTS, STOP_REQUEST
from core.progress import Measurement, Progress, Stop, Work
from core.workspace import open_workspace

EXIT_ERROR, EXIT_USAGE, EXIT_STOPPED = 1, 2, 130
RANKS = read_ranks()
IS_FIRST = RANKS.is_first
"""Whether this is the only process, or the first of several; only it writes."""

LINE_EVERY_S, REDRAW_EVERY_S = 1.0, 0.1
"""Seconds between two lines of progress, and on a terminal between two changes of its line."""

LOOK_FOR_STOP_EVERY_S = 1.0
"""Seconds between two reads of the file by which a launched process is stopped."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments, notices = replace_old_names(sys.argv[1:] if argv is None else argv)
    for notice in notices if IS_FIRST else ():
        _print(notice)
    parser = build_parser()
    options = parser.parse_args(arguments)
    command = COMMANDS[options.verb]
    launched: Path | None = getattr(options, "launched", None)
    events = launched / EVENTS if launched else options.events
    is_shown = IS_FIRST and not launched  # Whoever launched it shows what the events say
    with closing(EventWriter(events if events and IS_FIRST else Path(os.devnull))) as log:
        try:
            work = command.run(open_workspace(options.home), options)
            result = _run(work, log, parser, launched, is_shown=is_shown)
        except WorkbenchError as error:
            return _fail(log, str(error))
        except Stop:
            log.append("stopped")
            _print("Stopped; no file is incomplete.")
            return EXIT_STOPPED if RANKS.world_size == 1 else 0  # Others are not to be restarted
        except OSError as error:
            return _fail(log, _sentence_of(error))
        except Exception:  # noqa: BLE001 - the command's edge: a bug becomes a sentence and a traceback in the log
            traceback.print_exc()
            return _fail(log, "Unexpected error; details are in the log.")
        log.append("result", result=result)
    if is_shown:
        print(json.dumps(result) if options.json else command.describe(result))
    return 0


def _run(
    work: Work[Result],
    log: EventWriter,
    parser: argparse.ArgumentParser,
    launched: Path | None = None,
    *,
    is_shown: bool = IS_FIRST,
) -> Result:
    """Run a verb to its end; after SIGTERM, Ctrl-C or a request it stops at its next step.

    A `ValueError` before its first step is wrong usage. `launched` is the folder with the request.
    """
    printer, event = _ProgressPrinter(is_shown=is_shown), None
    try:
        event = next(work)
        stop = _StopSignal(launched / STOP_REQUEST if launched else None)
        while True:
            printer.show(event)
            log.report(event)
            event = work.throw(Stop()) if stop.take() else next(work)
    except StopIteration as end:
        result: Result = end.value
        return result
    except ValueError as error:
        if event is not None:
            raise
        log.append("failed", message=str(error))
        parser.error(str(error))
    finally:
        work.close()
        printer.end()


class _StopSignal:
    """Whether SIGTERM or Ctrl-C came; a second Ctrl-C ends the process at once.

    A launched process is stopped by a file that gets content: signals may not reach it, or come
    from torchrun, which ends processes to restart them. They end it at once.
    """

    def __init__(self, request: Path | None = None) -> None:
        self._is_set = False
        self._request = request
        self._read_at = 0.0
        for number in (signal.SIGTERM, signal.SIGINT) if request is None else ():
            signal.signal(number, self._set)

    def _set(self, number: int, frame: FrameType | None) -> None:
        self._is_set = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def take(self) -> bool:
        """Return whether a signal came since the last call, or the request, which counts once."""
        now = time.monotonic()
        if self._request and now - self._read_at >= LOOK_FOR_STOP_EVERY_S:
            self._read_at = now
            if _has_content(self._request):
                self._request, self._is_set = None, True
        is_set, self._is_set = self._is_set, False
        return is_set


class _ProgressPrinter:
    """Progress on stderr: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._terminal = sys.stderr.isatty()
        self._every_s = REDRAW_EVERY_S if self._terminal else LINE_EVERY_S
        self._last = 0.0
        self._shown: Progress | Measurement | None = None
        self._open_line = False

    def show(self, event: Progress | Measurement) -> None:
        if event == self._shown:
            return
        if isinstance(event, Measurement):
            if event.curve == "epoch":
                numbers = ", ".join(f"{name} {value:.4g}" for name, value in event.values.items())
                self._write(numbers, keep=True)
        elif event.fraction == 1 or time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            self._shown = event
            share = f"{event.fraction:4.0%} " if event.total else ""
            self._write(f"{share}{event.note}", keep=not self._terminal)

    def end(self) -> None:
        if self._open_line:
            _print("")

    def _write(self, text: str, *, keep: bool) -> None:
        if not self._is_shown:
            return
        start = "\r\033[K" if self._terminal else ""
        sys.stderr.write(start + text + ("\n" if keep else ""))
        sys.stderr.flush()
        self._open_line = not keep


def _has_content(path: Path) -> bool:
    """Return whether a file has content; opened, as NFS then asks its server."""
    try:
        return bool(path.read_bytes())
    except FileNotFoundError:
        return False


def _sentence_of(error: OSError) -> str:
    if error.errno in FULL_DISK:
        return "The disk is full. Free disk space, then start again; no file is incomplete."
    return f"{error.strerror or error}: {error.filename or 'a file'}."


def _fail(log: EventWriter, message: str) -> int:
    log.append("failed", message=message)
    _print(message)
    return EXIT_ERROR


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")
