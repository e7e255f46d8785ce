"""Members of an untrusted tar, which may be compressed."""

import bz2
import gzip
import os
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, BinaryIO, Self

from core.datasets.importing.archive_budget import Budget
from core.datasets.importing.archive_member import DAMAGED, Kind, Member, damaged
from core.datasets.importing.archive_names import decode, detect_encoding
from core.errors import WorkbenchError

Unpacked = gzip.GzipFile | bz2.BZ2File | BinaryIO

MAX_HEADER_BYTES = 1 << 18
"""Most bytes of a name in a tar, which tarfile reads into memory before it returns the entry."""

LONG_NAMES = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
"""Types of headers whose content tarfile reads at once."""


def is_tar(head: bytes) -> bool:
    """Return whether a file that begins so is a tar that is not compressed."""
    if head.startswith(b"PK") or len(head) < tarfile.BLOCKSIZE:
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


class _TarInfo(tarfile.TarInfo):
    """A header of a tar; a damaged one is an error, where tarfile takes it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not buf or buf.count(0) == len(buf) == tarfile.BLOCKSIZE:  # The end
                raise
            raise tarfile.ReadError(str(error)) from error
        if header.size < 0 or (header.type in LONG_NAMES and header.size > MAX_HEADER_BYTES):
            raise tarfile.ReadError("an impossible size")
        return header


def read_tar(
    unpack: Callable[[BinaryIO], Unpacked],
    stream: BinaryIO,
    label: str,
    budget: Budget,
    encoding: str = "",
) -> Iterator[Member]:
    """Yield the members of a tar, which `unpack` decompresses; see `read_members`."""
    packed_bytes = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    unpacked = unpack(stream)
    try:
        if not is_tar(unpacked.read(tarfile.BLOCKSIZE)):
            problem = f"{label} is damaged or is not a compressed tar archive."
            raise WorkbenchError(problem, "Give a zip, tar or tar.gz of images.")
        unpacked.seek(0)
        for tar, header in _headers(unpacked, budget):
            budget.add_entries(1)
            if not encoding and _is_other(header.name):
                encoding = _encoding_of(unpack, stream, budget)
            if not header.isdir():
                done = stream.tell() / packed_bytes if packed_bytes else 0.0
                yield _tar_member(tar, header, done, encoding)
        while unpacked.read(1 << 20):  # After the end; the checksum is compared last
            budget.check_read(unpacked.tell())
    except DAMAGED as error:
        raise damaged(label) from error


def _headers(
    unpacked: Unpacked, budget: Budget
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_TarInfo, encoding="utf-8") as tar:
        for header in tar:
            tar.members.clear()  # type: ignore[attr-defined]  # They would fill the memory
            budget.check_read(header.offset_data + header.size)
            yield tar, header


def _is_other(name: str) -> bool:
    """Return whether a name is not UTF-8; tarfile decodes its bytes to halves of characters."""
    return any("\ud800" <= character <= "\udfff" for character in name)


def _encoding_of(unpack: Callable[[BinaryIO], Unpacked], stream: BinaryIO, budget: Budget) -> str:
    """Return the encoding of the names that are not UTF-8, over all of the tar."""
    place = stream.tell()
    stream.seek(0)
    names = {header.name for _, header in _headers(unpack(stream), budget)}
    stream.seek(place)
    return detect_encoding(_bytes_of(name) for name in names if _is_other(name))


def _bytes_of(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _tar_member(
    tar: tarfile.TarFile, header: tarfile.TarInfo, done: float, encoding: str
) -> Member:
    def decoded(name: str) -> str:
        return decode(_bytes_of(name), encoding) if _is_other(name) else name

    is_link = header.issym() or header.islnk()
    kind = Kind.LINK if is_link else Kind.FILE if header.isreg() else Kind.OTHER
    return Member(
        name=decoded(header.name),
        kind=kind,
        num_bytes=header.size,
        done=done,
        open=partial(_content, tar, header),
        target=decoded(header.linkname) if is_link else "",
        is_hard=header.islnk(),
        problem="It has gaps; pack it again without them." if header.issparse() else "",
    )


def _content(tar: tarfile.TarFile, header: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(header)
    if content is None:
        raise tarfile.ReadError("no file")
    return content
