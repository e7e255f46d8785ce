"""Query history of a tab: its steps, for undo and redo, and all of its queries."""

from dataclasses import dataclass, field, replace

from core.query.query import Query

MAX_KEPT = 40
"""Number of queries that a tab keeps."""

MAX_UPLOADED_BYTES = 100_000_000
"""Total size of the uploads that a tab keeps; the oldest are removed first."""


@dataclass
class History:
    """The steps of one tab, in order."""

    steps: list[Query] = field(default_factory=list)
    """Oldest first; after an undo the current one is not the last."""

    at: int = -1
    """The current step; -1 before the first."""

    queries: list[Query] = field(default_factory=list)
    """Every query once, the newest last."""

    def take(self, query: Query) -> None:
        """Add a query as the current step; steps that were undone are removed.

        A query that differs in its options or label only replaces the current step.
        """
        if not query.is_searchable:
            return
        now = self.steps[self.at] if self.steps else None
        if now is not None and replace(now, options=query.options, label=query.label) == query:
            self.steps[self.at] = query
        else:
            self.steps = [*self.steps[: self.at + 1], query][-MAX_KEPT:]
            self.at, now = len(self.steps) - 1, query
        others = (each for each in self.queries if each not in (now, query))
        self.queries = [*others, query][-MAX_KEPT:]

    def back(self) -> Query | None:
        """Undo one step and return the query there; None at the first."""
        return self._walk(-1)

    def forward(self) -> Query | None:
        """Redo one step and return the query there; None at the last."""
        return self._walk(1)

    @property
    def has_back(self) -> bool:
        """Whether there is a step before this one."""
        return self.at > 0

    @property
    def has_forward(self) -> bool:
        """Whether steps were walked back."""
        return self.at < len(self.steps) - 1

    def _walk(self, step: int) -> Query | None:
        if not 0 <= self.at + step < len(self.steps):
            return None
        self.at += step
        return self.steps[self.at]


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that came through the browser."""

    name: str
    """What its file was called, by whoever sent it."""

    content: bytes


@dataclass
class Uploads:
    """The uploaded images that a tab can still ask by, under the SHA-256 of their bytes."""

    kept: dict[str, Upload] = field(default_factory=dict)

    def keep(self, digest: str, upload: Upload) -> None:
        """Keep an upload, and let go of the oldest beyond the limit."""
        self.kept.pop(digest, None)
        self.kept[digest] = upload
        while len(self.kept) > 1 and self._num_bytes() > MAX_UPLOADED_BYTES:
            del self.kept[next(iter(self.kept))]

    def get(self, digest: str) -> Upload | None:
        """Return an upload, or None where it was let go."""
        return self.kept.get(digest)

    def _num_bytes(self) -> int:
        return sum(len(upload.content) for upload in self.kept.values())
