"""Links in a source: which of them a search for images follows."""

import os
from dataclasses import dataclass

from core.datasets.tally import Reason

ROOTS_VARIABLE = "WORKBENCH_LINK_ROOTS"
"""Environment variable with the folders that links may lead into, separated as those in PATH.

Links within the source itself are always followed. Without the variable they may lead to whatever
can be read; where it is empty, nowhere else. A server that others reach sets it to empty.
"""

DEVICES = ("/proc", "/sys", "/dev")
"""Folders of files that are none on disk."""

MEMORY = ("/dev/shm",)
"""Those of ordinary files all the same."""


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Which links are followed."""

    is_on: bool = True
    roots: tuple[str, ...] | None = None
    """Real paths of the folders that they may lead into, beside the source; None: anywhere."""

    def problem(self, target: str, source: str) -> Reason | None:
        """Return why a link is not followed, or None.

        Args:
            target: Real path that it leads to.
            source: Real path of the source.
        """
        if not self.is_on:
            return Reason.NOT_FOLLOWED
        if is_below(target, (source,)):
            return None
        if target == os.sep or (is_below(target, DEVICES) and not is_below(target, MEMORY)):
            return Reason.SPECIAL
        is_allowed = self.roots is None or is_below(target, self.roots)
        return None if is_allowed else Reason.OUTSIDE


def link_policy(*, is_on: bool = True) -> LinkPolicy:
    """Return the policy that the environment of this process states."""
    stated = os.environ.get(ROOTS_VARIABLE)
    if stated is None:
        return LinkPolicy(is_on)
    roots = tuple(os.path.realpath(root) for root in stated.split(os.pathsep) if root)
    return LinkPolicy(is_on, roots)


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether a path is one of some folders, or in one."""
    return any(
        path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders
    )
