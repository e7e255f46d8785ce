"""Names of classes and functions in a checkpoint's pickle, and stand-ins for the harmless ones.

`torch.load(weights_only=True)` refuses a file for a single object beside its tensors, such as the
`argparse.Namespace` with the settings of a training. A stand-in takes the place of such an object
and ignores all that the pickle says about it; no class of the file is imported, and none is called.
"""

import io
import itertools
import pickletools
import sys
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import WorkbenchError
from core.models.file_kinds import SAVE_STATE_DICT

NUM_PICKLES = 4
"""Pickles at the start of a file of torch before 1.6: magic number, version, system, content."""

PLAIN_DATA = {
    "argparse": ("Namespace",),
    "builtins": (
        *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list"),
        *("object", "range", "set", "slice", "str", "tuple"),
    ),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "copyreg": ("_reconstructor",),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "functools": ("partial",),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath"),
    "re": ("_compile",),
    "types": ("SimpleNamespace",),
    "uuid": ("UUID",),
    "_codecs": ("encode",),
}
"""Classes of Python's standard library that only hold data; all other names of it are refused."""

MAX_OPCODES = 5_000_000
"""Most steps of a pickle, which take some seconds; a whole training has some 100,000."""

MAPPINGS = ("dict", "cfgnode", "box", "bunch")
"""Ends of the names, in lower case, of classes that pickles fill like dicts."""


class StandIn:
    """An object of a checkpoint, without its class and content."""

    full_name = ""
    """Module and name of the class or function that it stands for."""

    def __new__(cls, *args: Any, **fields: Any) -> "StandIn":
        """Ignore the arguments of the class that it stands for."""
        return super().__new__(cls)

    def __init__(self, *args: Any, **fields: Any) -> None:
        """Ignore them here, too."""

    def __setstate__(self, state: Any) -> None:
        """Ignore the state of the object that it stands for."""


class MappingStandIn:
    """Stand-in for a kind of dict, which torch's reader fills only if it is one of Python's."""

    def __new__(cls, *args: Any) -> "OrderedDict[Any, Any]":  # type: ignore[misc]
        """Return an empty dict, whatever the arguments."""
        return OrderedDict()


def stand_ins(path: Path) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Return a stand-in and the full name for each name in a checkpoint.

    torch prefers its own meaning of the names that it knows.

    Raises:
        WorkbenchError: A name is of the standard library and more than plain data, so the file
            would run code.
        Exception: One of `weights.UNREADABLE`; the file is damaged.
    """
    found: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = []
    for module, name in pickled_names(path):
        full_name = f"{module}.{name}"
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names and name not in PLAIN_DATA.get(module, ()):
            if model := class_of_model(path):
                raise pickled_model(path, model)
            raise WorkbenchError(
                f"{path.name} would run code ({full_name[:60]}); nothing of it was run.",
                f"Use a file that you trust. {SAVE_STATE_DICT}",
            )
        is_mapping = name.lower().endswith(MAPPINGS)
        kind = MappingStandIn if is_mapping else StandIn
        found.append((type(name, (kind,), {"full_name": full_name}), full_name))
    return found


def pickled_model(path: Path, name: str) -> WorkbenchError:
    """Return the error for a file that has a network of this class instead of its tensors."""
    return WorkbenchError(
        f"{path.name} is a whole pickled model ({name[:80]}), which only its own code can open.",
        SAVE_STATE_DICT,
    )


def class_of_model(path: Path) -> str:
    """Return the first class in a checkpoint that is neither Python's nor a tensor, "" if none is.

    Raises:
        Exception: One of `weights.UNREADABLE`; the file is damaged.
    """
    for module, name in pickled_names(path):
        is_layer = module.startswith("torch.nn.modules")
        if is_layer or module.partition(".")[0] not in {"torch", *sys.stdlib_module_names}:
            return f"{module}.{name}"
    return ""


def pickled_names(path: Path) -> list[tuple[str, str]]:
    """Return (module, name) of each class and function in a checkpoint, in order, without loading.

    Raises:
        Exception: One of `weights.UNREADABLE`; the file is damaged.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return _names(file, NUM_PICKLES)
    with zipfile.ZipFile(path) as archive:
        [entry] = [name for name in archive.namelist() if name.split("/")[-1] == "data.pkl"]
        return _names(io.BytesIO(archive.read(entry)), 1)


def _names(file: BinaryIO, count: int) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    steps = itertools.count()
    for _ in range(count):
        for opcode, argument, _ in pickletools.genops(file):
            if next(steps) > MAX_OPCODES:
                raise ValueError("too long a pickle")
            if opcode.name == "GLOBAL":
                module, name = str(argument).split(" ", 1)
                renamed = IMPORT_MAPPING.get(module, module), name  # Of Python 2
                found[NAME_MAPPING.get((module, name), renamed)] = None
    return list(found)
