"""`Collection`: an index on a Milvus server, a row per image. No server is called here."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.indexes.config import IndexConfig, Metric, default_nprobe
from core.indexes.kinds import MAX_CANDIDATES, MilvusIndex
from core.indexes.milvus.address import MilvusAddress
from core.indexes.store import Effort

ID, LABEL, MARK, VECTOR = "id", "label", "mark", "vector"
"""Fields of a row: catalog id, class or "", see `marks_of`, embedding."""

COLLECTION, NLIST, CODE_BYTES = "collection", "nlist", "code_bytes"
"""Keys that only the summary of an index on a server has."""

MAX_LABEL_BYTES = 1024
"""A class is a folder name of up to 255 bytes, or up to 200 characters that a user typed."""

METRICS = {Metric.COSINE: "IP", Metric.INNER_PRODUCT: "IP", Metric.L2: "L2"}
MAX_NLIST = 65536
"""The server's own limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """An index on a server, and how it is organized there."""

    address: MilvusAddress
    name: str
    dimension: int
    """D."""

    config: IndexConfig
    nlist: int
    """IVF: groups in each of the server's segments; 0 for other kinds."""

    code_bytes: int
    """PQ: bytes of an image; 0 for other kinds."""

    @property
    def index_settings(self) -> dict[str, Any]:
        """Return the arguments of pymilvus's `add_index`."""
        numbers = asdict(self.config) | {"nlist": self.nlist, "code_bytes": self.code_bytes}
        return {
            "field_name": VECTOR,
            "index_name": VECTOR,
            "index_type": self._milvus.type,
            "metric_type": METRICS[self.config.metric],
            "params": {
                name: numbers[value] if isinstance(value, str) else value
                for name, value in self._milvus.build.items()
            },
        }

    @property
    def effort(self) -> Effort | None:
        """Return the search parameter; None if every image is compared with the query."""
        parameter = self.config.entry.effort
        if parameter is None:
            return None
        if parameter == "nprobe":
            value = self.config.nprobe or default_nprobe(self.nlist)
            return Effort(parameter, min(self.nlist, value), self.nlist)
        return Effort(parameter, getattr(self.config, parameter), MAX_CANDIDATES)

    def search_params(self, k: int, effort: int | None) -> dict[str, int]:
        """Return the search parameters of the server for `k` results."""
        own, value = self.effort, 0
        if own is not None:
            value = effort or own.value
            # The server refuses more groups than there are, and fewer candidates than results
            value = min(value, own.most) if own.parameter == "nprobe" else max(value, k)
        return {
            name: value if isinstance(number, str) else number
            for name, number in self._milvus.search.items()
        }

    @property
    def _milvus(self) -> MilvusIndex:
        if self.config.entry.milvus is None:
            raise ValueError(f"milvus has no {self.config.kind}")
        return self.config.entry.milvus


def collection_name(fingerprint: str, config: IndexConfig, number: int = 1) -> str:
    """Return the name of an index's collection, the same each time the index is built.

    `fingerprint` is of the embeddings, and `number` counts indexes of the same ones and config.
    """
    content = json.dumps([fingerprint, asdict(config), number], sort_keys=True)
    return f"workbench_{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def marks_of(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return (N,) int64 hashes of (N, D) float32 embeddings and their classes, "" for none.

    They tell which rows of a half-filled or outdated collection have to be sent again.
    """
    marks = np.empty(len(vectors), np.int64)
    for row, (vector, label) in enumerate(zip(vectors, labels, strict=True)):
        digest = hashlib.blake2b(vector.tobytes(), digest_size=8)
        digest.update(label.encode())
        marks[row] = int.from_bytes(digest.digest(), "little", signed=True)
    return marks
