"""The headless command: `python -m core <verb>`.

Exit status: 0 done, 1 a sentence for the user on stderr, 2 wrong usage, 130 stopped.
Progress goes to stderr, results to stdout. What each verb does is in `commands`.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from types import FrameType

from core.commands import COMMANDS, build_parser
from core.errors import WorkbenchError
from core.files import FULL_DISK
from core.jobs.events import EventWriter
from core.progress import Measurement, Progress, Stop, T, Work
from core.workspace import open_workspace

EXIT_ERROR, EXIT_USAGE, EXIT_STOPPED = 1, 2, 130
IS_FIRST = os.environ.get("RANK", "0") == "0"
"""Whether this is the first of the processes that torchrun started, or the only one; it reports."""

LINE_EVERY_S = 1.0
"""How often progress is printed where stderr is not a terminal."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = build_parser()
    options = parser.parse_args(argv)
    log = EventWriter(options.events) if options.events and IS_FIRST else None
    try:
        command = COMMANDS[options.verb]
        work = command.run(open_workspace(options.home), options)
        try:
            first = next(work)  # Up to its first step a command only looks at its options
        except ValueError as error:
            if log:
                log.append("failed", message=str(error))
            parser.error(str(error))
        result = _drive(work, first, log)
    except WorkbenchError as error:
        return _fail(log, str(error), EXIT_ERROR)
    except Stop:
        if log:
            log.append("stopped")
        _print("Stopped; nothing was left half-written.")
        return EXIT_STOPPED
    except OSError as error:
        return _fail(log, _words_of(error), EXIT_ERROR)
    except Exception:  # noqa: BLE001 - the command's edge: a bug becomes a sentence and a traceback in the log
        traceback.print_exc()
        return _fail(log, "Something unexpected went wrong; the log has the details.", EXIT_ERROR)
    if log:
        log.append("result", result=result)
    if IS_FIRST:
        print(json.dumps(result) if options.json else command.describe(result))
    return 0


def _drive(work: Work[T], first: Progress | Measurement, log: EventWriter | None) -> T:
    """Run `work` to its end; SIGTERM and Ctrl-C ask it to stop at its next step."""
    stop = _StopSignal()
    printer = _ProgressPrinter()
    try:
        event = first
        while True:
            printer.show(event)
            if log:
                log.report(event)
            event = work.throw(Stop()) if stop.take() else next(work)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        work.close()
        printer.end()


class _StopSignal:
    """Remembers that somebody asked to stop; a second Ctrl-C ends the process at once."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def take(self) -> bool:
        """Tell, once, whether a stop was asked for."""
        asked, self._asked = self._asked, False
        return asked


class _ProgressPrinter:
    """Writes progress to stderr: one living line on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = 0.0
        self._open_line = False

    def show(self, event: Progress | Measurement) -> None:
        if isinstance(event, Measurement):
            if event.curve == "epoch":
                numbers = ", ".join(f"{name} {value:.4g}" for name, value in event.values.items())
                self._write(numbers, keep=True)
        elif self._terminal or time.monotonic() - self._last >= LINE_EVERY_S:
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


def _words_of(error: OSError) -> str:
    if error.errno in FULL_DISK:
        return "The disk is full. Make room, then start this again: nothing is half-written."
    return f"{error.strerror or error}: {error.filename or 'a file'}."


def _fail(log: EventWriter | None, message: str, status: int) -> int:
    if log:
        log.append("failed", message=message)
    _print(message)
    return status


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")
