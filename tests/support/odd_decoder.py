"""A decoding process with one more format, ODD, whose files say what their decoder does.

`ODD load raise ValueError` raises when it is decoded, `ODD open raise …` when its header is read;
`hang`, `fill` (memory), `kill` and `exit` are the other ways to fail. The limits are small.
"""

import builtins
import os
import signal
import time
from typing import Any
from unittest.mock import patch

from PIL import Image, ImageFile

from core.images import decoding, worker
from core.images.formats import FORMATS

MAGIC = b"ODD "
SECONDS = 1.0


class StrangeError(BaseException):
    """No `Exception`, and none of those that Python raises itself."""


ARGUMENTS = {
    "UnicodeDecodeError": ("utf-8", b"", 0, 1, "odd"),
    "UnicodeEncodeError": ("utf-8", "", 0, 1, "odd"),
    "UnicodeTranslateError": ("", 0, 1, "odd"),
    "ExceptionGroup": ("odd", [ValueError()]),
    "BaseExceptionGroup": ("odd", [ValueError()]),
}
"""Of exceptions that cannot be made from one text."""


def act(how: str) -> None:
    """Fail in the way that a file asks for."""
    match how.split():
        case ["raise", name]:
            kind = StrangeError if name == "StrangeError" else getattr(builtins, name)
            raise kind(*ARGUMENTS.get(name, ("odd",)))
        case ["hang"]:
            time.sleep(600)
        case ["fill"]:
            len([bytes(1 << 20) for _ in range(4096)])
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["exit"]:
            os._exit(0)


class OddImageFile(ImageFile.ImageFile):
    """A red image, unless its file asks for something else."""

    format = "ODD"
    format_description = "odd"

    def _open(self) -> None:
        assert self.fp is not None
        _, when, self._how = self.fp.read(100).decode().split(" ", 2)
        self._size, self._mode, self.tile = (8, 8), "RGB", []
        if when == "open":
            act(self._how)

    def load(self) -> Any:
        """Fail, or make the pixels."""
        act(self._how)
        self.im = Image.new("RGB", self.size, "red").im
        return super().load()


if __name__ == "__main__":
    Image.register_open("ODD", OddImageFile, lambda head: head.startswith(MAGIC))
    with (
        patch.multiple(decoding, FORMATS=(*FORMATS, "ODD")),
        patch.multiple(worker, DECODE_SECONDS=SECONDS, MEMORY_BYTES=64 << 20, SPARE_BYTES=64 << 20),
    ):
        worker.main()
