"""One decoding process, which answers the requests of one thread at a time."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from core.errors import UnreadableImageError, WorkbenchError

PROJECT = Path(__file__).parents[2]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Libraries use one thread in each process, and reserve no memory for more."""

PROGRESS_BYTES = 4
READY = b"ready\n"

Item = dict[str, Any]
"""An image of a request: its path, or None for uploaded content, its name in messages, or None for
that of the file, and options of its own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of a task for one image."""

    facts: dict[str, Any]
    payload: bytes
    error: WorkbenchError | None = None
    """Why there is none: an `UnreadableImageError`, but for a crop that is too small."""

    def checked(self) -> "Reply":
        """Return this reply, or raise its error."""
        if self.error is not None:
            raise self.error
        return self


class ProcessEnded(Exception):  # noqa: N818 - an event, not an error of this program
    """A decoding process ended within a request."""

    def __init__(self, number: int, *, timed_out: bool) -> None:
        super().__init__(number)
        self.number = number
        """Number of the image that it was at."""
        self.timed_out = timed_out


@contextmanager
def _blocked(*numbers: signal.Signals) -> Iterator[None]:
    """Block signals in this thread; a process that it starts keeps them blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Decoder:
    """A decoding process."""

    def __init__(self, module: str) -> None:
        self._progress = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        handle = self._progress.fileno()
        with _blocked(signal.SIGINT, signal.SIGTERM):  # Inherited: for this process, which ends it
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(handle)],
                cwd=PROJECT,
                env=os.environ | ONE_THREAD,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[handle],
            )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._replies = cast(IO[bytes], self._process.stdout)
        if self._replies.readline() != READY:
            self.end()
            raise WorkbenchError(
                "The process that decodes images does not start.",
                "Install the packages in requirements.txt, then try again.",
            )

    def ask(
        self, task: str, items: Sequence[Item], options: dict[str, Any], content: bytes
    ) -> list[Reply]:
        """Run a task for each image.

        Raises:
            ProcessEnded: The process ended before it was done.
        """
        os.pwrite(self._progress.fileno(), bytes(PROGRESS_BYTES), 0)
        request = {"task": task, "items": items, "options": options, "bytes": len(content)}
        with suppress(BrokenPipeError):
            self._requests.write(json.dumps(request).encode() + b"\n" + content)
            self._requests.flush()
        line = self._replies.readline()
        results = json.loads(line) if line.endswith(b"\n") else []
        payloads = [self._replies.read(result["bytes"]) for result in results]
        if not results or any(
            len(payload) < result["bytes"]
            for payload, result in zip(payloads, results, strict=True)
        ):
            raise self._ended()
        return [_reply(result, payload) for result, payload in zip(results, payloads, strict=True)]

    def _ended(self) -> ProcessEnded:
        number = int.from_bytes(os.pread(self._progress.fileno(), PROGRESS_BYTES, 0))
        return ProcessEnded(number, timed_out=self._process.wait() == -signal.SIGALRM)

    def end(self) -> None:
        """Kill the process and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._requests.close()
        self._replies.close()
        self._progress.close()


def _reply(result: dict[str, Any], payload: bytes) -> Reply:
    if "facts" in result:
        return Reply(result["facts"], payload)
    kind = UnreadableImageError if result["is_unreadable"] else WorkbenchError
    return Reply({}, b"", kind(result["problem"], result["advice"]))
