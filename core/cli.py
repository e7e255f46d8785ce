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
from core.progress import Measurement, Progress, Stop, Work
from core.workspace import open_workspace

EXIT_ERROR, EXIT_USAGE, EXIT_STOPPED = 1, 2, 130
IS_FIRST = os.environ.get("RANK", "0") == "0"
"""Whether this is the only process, or the first that torchrun started; only it writes."""

LINE_EVERY_S, REDRAW_EVERY_S = 1.0, 0.1
"""Seconds between two lines of progress, and on a terminal between two changes of its line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments, notices = replace_old_names(sys.argv[1:] if argv is None else argv)
    for notice in notices if IS_FIRST else ():
        _print(notice)
    parser = build_parser()
    options = parser.parse_args(arguments)
    command = COMMANDS[options.verb]
    path = options.events if options.events and IS_FIRST else Path(os.devnull)
    with closing(EventWriter(path)) as log:
        try:
            result = _run(command.run(open_workspace(options.home), options), log, parser)
        except WorkbenchError as error:
            return _fail(log, str(error))
        except Stop:
            log.append("stopped")
            _print("Stopped; no file is incomplete.")
            return EXIT_STOPPED
        except OSError as error:
            return _fail(log, _sentence_of(error))
        except Exception:  # noqa: BLE001 - the command's edge: a bug becomes a sentence and a traceback in the log
            traceback.print_exc()
            return _fail(log, "Unexpected error; details are in the log.")
        log.append("result", result=result)
    if IS_FIRST:
        print(json.dumps(result) if options.json else command.describe(result))
    return 0


def _run(work: Work[Result], log: EventWriter, parser: argparse.ArgumentParser) -> Result:
    """Run a verb to its end; after SIGTERM or Ctrl-C it stops at its next step.

    A `ValueError` before its first step is wrong usage.
    """
    printer, event = _ProgressPrinter(), None
    try:
        event = next(work)
        stop = _StopSignal()
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
    """Whether SIGTERM or Ctrl-C came; a second Ctrl-C ends the process at once."""

    def __init__(self) -> None:
        self._is_set = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._set)

    def _set(self, number: int, frame: FrameType | None) -> None:
        self._is_set = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def take(self) -> bool:
        """Return whether a signal came since the last call."""
        is_set, self._is_set = self._is_set, False
        return is_set


class _ProgressPrinter:
    """Progress on stderr: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._every_s = REDRAW_EVERY_S if self._terminal else LINE_EVERY_S
        self._last = 0.0
        self._open_line = False

    def show(self, event: Progress | Measurement) -> None:
        if isinstance(event, Measurement):
            if event.curve == "epoch":
                numbers = ", ".join(f"{name} {value:.4g}" for name, value in event.values.items())
                self._write(numbers, keep=True)
        elif event.fraction == 1 or time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            share = f"{event.fraction:4.0%} " if event.total else ""
            self._write(f"{share}{event.note}", keep=not self._terminal)

    def end(self) -> None:
        if self._open_line:
            _print("")

    def _write(self, text: str, *, keep: bool) -> None:
        if not IS_FIRST:
            return
        start = "\r\033[K" if self._terminal else ""
        sys.stderr.write(start + text + ("\n" if keep else ""))
        sys.stderr.flush()
        self._open_line = not keep


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
