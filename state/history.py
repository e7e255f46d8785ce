"""The questions that a tab has asked: the steps so far, to be walked back, and all of them."""

from dataclasses import dataclass, field, replace

from state.query_view import Question

MAX_KEPT = 40
"""Questions that a tab remembers."""

MAX_UPLOADED_BYTES = 100_000_000
"""Of uploaded images that a tab keeps to ask again by; the oldest go first."""


@dataclass
class History:
    """The steps of one tab, in order."""

    steps: list[Question] = field(default_factory=list)
    """Oldest first; the last one is not always the current one, for steps can be walked back."""

    at: int = -1
    """The current step; -1 before the first."""

    asked: list[Question] = field(default_factory=list)
    """Every question, each once, the newest last."""

    def take(self, question: Question) -> None:
        """Go on to a question; what was ahead after steps back is forgotten.

        Other wishes for the matches of the same question are no step of their own.
        """
        if not question.is_asked:
            return
        now = self.steps[self.at] if self.steps else None
        if (
            now is not None
            and replace(now, wanted=question.wanted, label=question.label) == question
        ):
            self.steps[self.at] = question
        else:
            self.steps = [*self.steps[: self.at + 1], question][-MAX_KEPT:]
            self.at, now = len(self.steps) - 1, question
        others = (each for each in self.asked if each not in (now, question))
        self.asked = [*others, question][-MAX_KEPT:]

    def back(self) -> Question | None:
        """Walk one step back and return the question there; None at the first."""
        return self._walk(-1)

    def forward(self) -> Question | None:
        """Walk one step forward again; None at the last."""
        return self._walk(1)

    @property
    def has_back(self) -> bool:
        """Whether there is a step before this one."""
        return self.at > 0

    @property
    def has_forward(self) -> bool:
        """Whether steps were walked back."""
        return self.at < len(self.steps) - 1

    def _walk(self, step: int) -> Question | None:
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
