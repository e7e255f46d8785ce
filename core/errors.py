"""Errors that a user can act on. Any other exception is a bug and propagates."""


class WorkbenchError(Exception):
    """An error with one sentence on what went wrong and one on what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem} {advice}")
        self.problem = problem
        """What went wrong."""
        self.advice = advice
        """What to do next."""

    def __reduce__(self) -> "tuple[type[WorkbenchError], tuple[str, str]]":
        """Return how to rebuild the error in another process."""
        return type(self), (self.problem, self.advice)


class UnreadableImageError(WorkbenchError):
    """A file exists but cannot be read as an image."""


class UnfetchedImageError(UnreadableImageError):
    """An image in object storage or on a web server cannot be fetched: it is gone or has changed.

    Its content was not read, so that nothing is known of it.
    """


class UnreachableStoreError(UnfetchedImageError):
    """No image of a store can be fetched now: it is away, or refuses the credentials."""


class MissingError(WorkbenchError):
    """A dataset, model, index or file does not exist."""


class UpToDateError(WorkbenchError):
    """There is nothing to do; a command says so and succeeds."""


class DamagedArtifactError(WorkbenchError):
    """A file of an artifact differs from its manifest."""


class DownloadError(WorkbenchError):
    """A download failed, or the file differs from the published one."""


def newer_version(what: str) -> WorkbenchError:
    """Return the error for a thing that a newer version of the workbench made."""
    problem = f"{what} was made by a newer version of the workbench."
    return WorkbenchError(problem, "Update the workbench to use it.")
