"""Members of an untrusted zip or tar, one after the other, within limits of memory and size."""

import bz2
import gzip
import re
from collections.abc import Iterator
from typing import BinaryIO

from core.datasets.importing.archive_budget import Budget
from core.datasets.importing.archive_member import Member
from core.datasets.importing.tar_members import is_tar, read_tar
from core.datasets.importing.zip_members import read_zip
from core.errors import WorkbenchError

HEAD_BYTES = 512
"""Bytes by which an archive is recognized: the first header of a tar."""

OTHER_ARCHIVES = {
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "an xz archive": rb"\xfd7zXZ\0",
    "a Zstandard archive": rb"\x28\xb5\x2f\xfd",
}
"""Archives that are not unpacked → how they begin."""


def read_members(
    stream: BinaryIO, label: str, budget: Budget, encoding: str = ""
) -> Iterator[Member]:
    """Yield the members of a zip, tar, tar.gz or tar.bz2.

    Raises:
        WorkbenchError: It is none of these, is damaged, or exceeds a limit.
    """
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    for kind, beginning in OTHER_ARCHIVES.items():
        if re.match(beginning, head):
            problem = f"{label} is {kind}, which is not supported."
            raise WorkbenchError(problem, "Unpack it and import the folder, or pack it as a zip.")
    if head.startswith(b"\x1f\x8b"):
        yield from read_tar(_gunzipped, stream, label, budget, encoding)
    elif head.startswith(b"BZh"):
        yield from read_tar(bz2.BZ2File, stream, label, budget, encoding)
    elif is_tar(head):
        yield from read_tar(lambda plain: plain, stream, label, budget, encoding)
    else:
        yield from read_zip(stream, head, label, budget, encoding)


def _gunzipped(stream: BinaryIO) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=stream)
