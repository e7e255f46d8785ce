"""A decoding process: `python -m core.images.worker PROGRESS` serves the requests of `DecoderPool`.

A request is a line of JSON on standard input, followed by the content of an uploaded image if there
is one; a reply is a line on standard output, followed by the bytes of the results. Whatever a
decoder does harms this process only: it writes the number of the image at hand to the file
PROGRESS, a timer ends it if that takes too long, and the system limits its memory.
"""

import json
import logging
import os
import signal
import sys
import traceback
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import UnreadableImageError, WorkbenchError
from core.images.decoder_process import PROGRESS_BYTES, READY
from core.images.decoding import label_of
from core.images.failures import DECODE_SECONDS, FAILURES, explain_failure
from core.images.limits import MEMORY_BYTES, SPARE_BYTES
from core.images.tasks import TASKS

BYTES_PER_SECOND = 10_000_000
"""Slowest reading that is allowed for besides the time to decode."""

Result = dict[str, Any]


def serve(requests: BinaryIO, replies: BinaryIO, progress: int) -> None:
    """Answer requests until there are no more, or memory ran out."""
    replies.write(READY)
    replies.flush()
    for line in requests:
        request = json.loads(line)
        content = requests.read(request["bytes"]) if request["bytes"] else b""
        results, payloads, is_exhausted = [], [], False
        for number, item in enumerate(request["items"]):
            os.pwrite(progress, number.to_bytes(PROGRESS_BYTES), 0)
            result, payload = _run(request["task"], item | request["options"], content)
            results.append(result)
            payloads.append(payload)
            is_exhausted |= result.pop("exhausted", False)
        replies.write(json.dumps(results).encode() + b"\n" + b"".join(payloads))
        replies.flush()
        if is_exhausted:  # A new process starts with unfragmented memory
            return


def _run(task: str, options: dict[str, Any], content: bytes) -> tuple[Result, bytes]:
    """Run a task for one image; return facts or an error, and the bytes of the result."""
    path, name = options.pop("path"), options.pop("name")
    source = BytesIO(content) if path is None else Path(path)
    label, seconds = label_of(source, name), DECODE_SECONDS
    with suppress(OSError, ValueError):
        seconds += os.path.getsize(path) / BYTES_PER_SECOND if path else 0
    _set_timer(seconds)
    try:
        facts, payload = TASKS[task](source, label, **options)
    except WorkbenchError as error:
        return _failed(error), b""
    except FAILURES as error:  # Any other ends this process, which costs the image as a crash does
        traceback.print_exc()  # Into the log, because it may be a mistake of ours
        failed = _failed(explain_failure(error, label, b""))
        return failed | {"exhausted": isinstance(error, MemoryError)}, b""
    finally:
        _set_timer(0)
    return {"facts": facts, "bytes": len(payload)}, payload


def _failed(error: WorkbenchError) -> Result:
    is_unreadable = isinstance(error, UnreadableImageError)
    exhausted = isinstance(error.__cause__, MemoryError)
    return {
        "problem": error.problem,
        "advice": error.advice,
        "is_unreadable": is_unreadable,
        "bytes": 0,
        "exhausted": exhausted,
    }


def _set_timer(seconds: float) -> None:
    """End this process by a signal after some time, 0 for never; Python need not run for it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def limit_memory() -> None:
    """Have the system refuse memory above the limits, where it can."""
    try:
        import resource

        used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
        most = used + MEMORY_BYTES + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    except (ImportError, OSError, IndexError, ValueError):  # Not on this system
        return


def main() -> None:
    """Serve the process that started this one."""
    replies, sys.stderr = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # Libraries print there
        os.dup2(nowhere, stream)
    logging.disable()  # Pillow's messages are in the replies
    limit_memory()
    serve(sys.stdin.buffer, replies, int(sys.argv[1]))


if __name__ == "__main__":
    main()
