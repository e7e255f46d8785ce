"""Errors that a person can act on. Anything else that is raised is a bug and propagates."""


class WorkbenchError(Exception):
    """What went wrong in one sentence, and in a second one what to do about it."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem} {advice}")
        self.problem = problem
        """What went wrong, as one sentence."""
        self.advice = advice
        """What to do next, as one sentence."""

    def __reduce__(self) -> "tuple[type[WorkbenchError], tuple[str, str]]":
        """Let it be sent from one process to another, as it is."""
        return type(self), (self.problem, self.advice)


class UnreadableImageError(WorkbenchError):
    """A file is there but cannot be shown as a picture."""


class MissingError(WorkbenchError):
    """A dataset, model, index or file that was named is not there."""


class DamagedArtifactError(WorkbenchError):
    """A file of an artifact is not what its manifest says."""


class DownloadError(WorkbenchError):
    """A download did not arrive, or not as it was promised."""
