"""Limits of what is unpacked from an archive, with those inside it."""

from dataclasses import dataclass

from core.errors import WorkbenchError

MAX_ARCHIVE_BYTES = 1 << 30
"""Most bytes of an archive; an upload is in memory about three times. Larger sets are folders."""

MAX_ENTRIES = 500_000
"""Most entries; zipfile needs 600 bytes for each before it returns their number: 300 MB. Tiny
ImageNet has 120,000 images, and macOS adds a hidden entry to each."""

MAX_UNPACKED_BYTES = 10 << 30
"""Ten times the archive: most images hardly shrink in a zip, but BMP and TIFF files may."""

MAX_RATIO = 100
"""Largest ratio of unpacked to packed bytes, as in Apache POI's ZipSecureFile. It applies only
above MAX_ARCHIVE_BYTES unpacked, because drawings as BMP reach 1,000."""

UNPACK_YOURSELF = "Unpack it and import the folder, or split it into several archives."


@dataclass(slots=True)
class Budget:
    """What may still be unpacked from an archive."""

    label: str
    archive_bytes: int
    free_bytes: int
    """Free space of the disk."""

    num_bytes: int = 0
    """Bytes that were unpacked so far."""

    num_entries: int = 0
    """Entries of this archive and of those inside it."""

    def check_archive(self) -> None:
        """Raise `WorkbenchError` if the archive itself is too large."""
        if self.archive_bytes > MAX_ARCHIVE_BYTES:
            most = gib(MAX_ARCHIVE_BYTES)
            problem = f"{self.label} has {gib(self.archive_bytes)}; at most {most} are taken."
            raise WorkbenchError(problem, UNPACK_YOURSELF)

    def add_entries(self, count: int) -> None:
        """Note that entries were found; raise `WorkbenchError` if these are too many."""
        self.num_entries += count
        if self.num_entries > MAX_ENTRIES:
            problem = f"{self.label} has more than {MAX_ENTRIES:,} entries."
            raise WorkbenchError(problem, UNPACK_YOURSELF)

    def spend(self, num_bytes: int) -> None:
        """Note that bytes are unpacked; raise `WorkbenchError` if these are too many."""
        self.num_bytes += num_bytes
        self.check(self.num_bytes)

    def check(self, num_bytes: int) -> None:
        """Raise `WorkbenchError` if these are too many bytes to unpack."""
        self.check_read(num_bytes)
        if num_bytes > self.free_bytes:
            needed, free = gib(num_bytes), gib(self.free_bytes)
            problem = f"{self.label} needs {needed} unpacked; {free} are free."
            raise WorkbenchError(problem, "Free disk space, then try again.")

    def check_read(self, num_bytes: int) -> None:
        """Raise `WorkbenchError` if the archive unpacks to too many bytes."""
        if num_bytes > max(MAX_ARCHIVE_BYTES, MAX_RATIO * self.archive_bytes):
            ratio = num_bytes / max(self.archive_bytes, 1)
            problem = f"{self.label} would grow to {ratio:,.0f} times its size."
            advice = "If its source is trusted, unpack it and import the folder."
        elif num_bytes > MAX_UNPACKED_BYTES:
            most = gib(MAX_UNPACKED_BYTES)
            problem = f"{self.label} holds {gib(num_bytes)} of images; at most {most} are unpacked."
            advice = UNPACK_YOURSELF
        else:
            return
        raise WorkbenchError(problem, advice)


def gib(num_bytes: int) -> str:
    """Return a number of bytes in GiB."""
    return f"{num_bytes / (1 << 30):.1f} GiB"
