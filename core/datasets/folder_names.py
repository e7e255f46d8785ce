"""Names of folders: which mean a split, unlabeled images, no class, or files of a system."""

import functools
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from core.datasets.columns import Split


class Use(StrEnum):
    """What the images of a folder beside the splits are used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    RANDOM = "random"
    """Images with classes that no split holds yet; they are split at random."""

    CLASS = "class"
    """The folder is no split: its name counts as that of a class."""

    UNLABELED = "unlabeled"
    """Images without class and split."""

    SKIP = "skip"
    """Its images are not imported."""

    @property
    def as_split(self) -> Split | None:
        """The split of its images, if the folder is one."""
        return Split(self.value) if self in (Use.TRAIN, Use.VALIDATION, Use.TEST) else None


WORDS = {
    Use.TRAIN: ("train", "training", "trn", "trainval", "trainvalid"),
    Use.VALIDATION: (
        *("val", "valid", "validate", "validation", "vald", "minival"),
        *("dev", "devel", "development", "eval", "evaluate", "evaluation"),
    ),
    Use.TEST: ("test", "testing", "tests", "tst", "testval", "testdev", "holdout", "heldout"),
    Use.UNLABELED: (
        *("unlabeled", "unlabelled", "unlabel", "unannotated", "nolabel", "nolabels"),
        *("pred", "preds", "predict", "prediction", "predictions", "predicted"),
    ),
}
"""Use → words for it in names of folders."""

ALL_WORDS = frozenset(word for words in WORDS.values() for word in words)

ABBREVIATIONS = {"tr": Use.TRAIN, "va": Use.VALIDATION, "te": Use.TEST, "ts": Use.TEST}
"""Words that mean a split only beside other splits: they are also codes of languages."""

FILLERS = frozenset(
    {
        *("a", "all", "complete", "full", "my", "of", "the", "x"),
        *("data", "dataset", "datasets", "dir", "directory", "files", "fold", "folder"),
        *("part", "partition", "sample", "samples", "set", "sets", "split", "splits", "subset"),
        *("image", "images", "img", "imgs", "jpeg", "jpegimages", "jpegs", "jpg", "png"),
        *("photo", "photos", "pic", "pics", "picture", "pictures", "crops", "cropped"),
    }
)
"""Words beside that of a split which say nothing, as in training_set or images_train."""

LONG_FILLERS = frozenset(word for word in FILLERS if len(word) > 2)
"""Those that may be written in one word with it, as in trainset."""

UNLABELED = "unlabeled"
"""Folder of images without a label in an export."""

PLAIN_NAMES = frozenset({"images", "imgs", "jpegimages", UNLABELED})
"""Folders that hold images without naming a class, such as Tiny-ImageNet's class/images."""

SYSTEM_NAMES = frozenset(
    {
        *("__macosx", "network trash folder", "temporary items", "thedbexportroot"),  # macOS
        *("$recycle.bin", "recycler", "recycled", "system volume information", "$extend"),
        *("$windows.~bt", "$windows.~ws", "config.msi", "thumbs.db", "ehthumbs.db"),
        *("desktop.ini", "found.000", "lost+found"),
        *("#recycle", "#snapshot", "~snapshot", "@recycle", "@recently-snapshot"),  # NAS
        *("@tmp", "@sharebin", "@transcode", "@database", "@downloads", "@appstore"),
        *("__pycache__", "icon\r"),
    }
)
"""Files and folders that operating systems, network storage and tools leave, in lower case."""

SYSTEM_PREFIXES = (
    "@eadir",
    "@syno",
    "@__thumb",
    "@gmt-",
    "found.0",
    ".trash",
    ".ipynb_checkpoints",
    ".@__thumb",
    "$recycle",
)

TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
"""Words of a name: at each change of case, digit, dash or underscore a new one begins."""


@functools.lru_cache(maxsize=100_000)
def key_of(name: str) -> str:
    """Return a key that is equal for names that differ only in case or Unicode composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_system_name(name: str) -> bool:
    """Return whether a file or folder belongs to an operating system, storage or tool."""
    lower = name.lower()
    return lower in SYSTEM_NAMES or lower.startswith(SYSTEM_PREFIXES)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden by convention."""
    return name.startswith(".")


@dataclass(frozen=True, slots=True)
class SplitName:
    """A name of a folder that means a split or unlabeled images."""

    use: Use
    rest: tuple[str, ...]
    """Words that are neither fillers nor that of the split, such as seg in seg_train."""

    is_abbreviation: bool = False


@functools.lru_cache(maxsize=100_000)
def read_split_name(name: str) -> SplitName | None:
    """Return what a folder's name says about its images; None if it means no split."""
    if name.startswith("_"):  # As exports mark classes that are called so
        return None
    tokens = [token.lower() for token in TOKENS.findall(unicodedata.normalize("NFC", name))]
    if len(tokens) == 1 and tokens[0] in ABBREVIATIONS:
        return SplitName(ABBREVIATIONS[tokens[0]], (), is_abbreviation=True)
    read = [(token, _use_of(token)) for token in _joined(tokens)]
    use = _combined({use for _, use in read if use})
    if use is None:
        return None
    rest = tuple(token for token, own in read if own is None and token not in FILLERS)
    return SplitName(use, rest)


def split_of_name(name: str) -> Split | None:
    """Return the split that a name without suffix clearly means; None for an abbreviation."""
    read = read_split_name(name)
    return read.use.as_split if read and not read.is_abbreviation else None


def _joined(tokens: list[str]) -> list[str]:
    """Return words, with those in one that together are one of `WORDS`, such as hold and out."""
    joined: list[str] = []
    for token in tokens:
        if joined and joined[-1] + token in ALL_WORDS:
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def _use_of(token: str) -> Use | None:
    for use, words in WORDS.items():
        if token in words or any(_is_glued(token, word) for word in words):
            return use
    return None


def _is_glued(token: str, word: str) -> bool:
    """Return whether a token is a word and a filler, such as trainset or imgtrain."""
    before, after = token.removesuffix(word), token.removeprefix(word)
    return (after != token and after in LONG_FILLERS) or (
        before != token and before in LONG_FILLERS
    )


def _combined(uses: set[Use]) -> Use | None:
    """Return the one use that several words of a name mean; None if they contradict each other."""
    if Use.UNLABELED in uses:
        return Use.UNLABELED
    if uses == {Use.TRAIN, Use.VALIDATION}:  # Such as train_val: training uses both
        return Use.TRAIN
    if uses == {Use.TEST, Use.VALIDATION}:  # Such as test-dev
        return Use.TEST
    return next(iter(uses)) if len(uses) == 1 else None
