"""Text of annotation files: its encoding, and a limit of its size."""

import codecs
from pathlib import Path
from typing import TextIO

from core.datasets.annotations.file_names import MAX_BYTES
from core.errors import MissingError, WorkbenchError

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
PIECE = 1 << 20
FALLBACK = "cp1252"
"""Encoding of texts that are not UTF-8: what spreadsheets on Windows write."""


def check_size(file: Path, max_bytes: int | None = None) -> None:
    """Check that an annotation file is there, and not too large.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is larger than that, or than `MAX_BYTES`.
    """
    if not file.is_file():
        raise MissingError(
            f"There is no annotation file {file.name}.", "Check its path below the images' folder."
        )
    most = MAX_BYTES if max_bytes is None else max_bytes
    if file.stat().st_size > most:
        raise WorkbenchError(
            f"{file.name} is larger than {most // 1_000_000} MB.",
            "Split it into smaller files, or leave out columns.",
        )


def open_text(file: Path) -> tuple[TextIO, tuple[str, ...]]:
    """Open a text in its encoding: UTF-8, UTF-16 with a byte order mark, else Windows-1252.

    Returns:
        The open text, whose line ends are as they are in the file, and notes on its encoding.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is too large, cannot be read, or is not a text file.
    """
    check_size(file)
    try:
        encoding = _encoding_of(file)
        stream = file.open(encoding=encoding, errors="replace", newline="")
    except OSError as error:
        raise WorkbenchError(
            f"{file.name} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error
    assumed = f"{file.name} is not UTF-8; it is read as Windows-1252."
    return stream, (assumed,) if encoding == FALLBACK else ()


def _encoding_of(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(PIECE)
        if head.startswith(UTF16):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_utf8, piece = True, head
        while piece:
            if b"\0" in piece:
                raise WorkbenchError(
                    f"{file.name} is not a text file.", "Save it as CSV in UTF-8, or as Parquet."
                )
            try:
                if is_utf8:
                    decoder.decode(piece)
            except UnicodeDecodeError:
                is_utf8 = False
            piece = stream.read(PIECE)
        try:
            decoder.decode(b"", final=is_utf8)
        except UnicodeDecodeError:
            is_utf8 = False
    return "utf-8-sig" if is_utf8 else FALLBACK
