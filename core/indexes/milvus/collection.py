"""What an index is on a Milvus server: one collection with a row an image.

Nothing is asked of a server here.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig, IndexKind, Metric, StoreName
from core.indexes.milvus.address import MilvusAddress
from core.indexes.store import Effort

ID, LABEL, MARK, VECTOR = "id", "label", "mark", "vector"
"""The fields of a row: catalog id, class or "", see `marks_of`, embedding."""

COLLECTION, NLIST, CODE_BYTES = "collection", "nlist", "code_bytes"
"""What the summary of such an index has beside that of others."""

MAX_LABEL_BYTES = 1024
"""A class is a folder's name, up to 255 bytes, or up to 200 characters that somebody typed."""

TYPES = {
    IndexKind.FLAT: "FLAT",
    IndexKind.HNSW: "HNSW",
    IndexKind.IVF: "IVF_FLAT",
    IndexKind.IVF_PQ: "IVF_PQ",
    IndexKind.SQ8: "IVF_SQ8",  # With one group, which is looked into: so it compares with all
}
METRICS = {Metric.COSINE: "IP", Metric.INNER_PRODUCT: "IP", Metric.L2: "L2"}
MAX_NLIST = 65536
MAX_NPROBE = 64
"""Groups looked into unless more are asked for, as where FAISS keeps the index."""

MAX_CANDIDATES = 4096
"""efSearch beyond which more makes no difference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """Where an index is kept on a server, and how it is organized there."""

    address: MilvusAddress
    name: str
    dimension: int
    """D."""

    config: IndexConfig
    nlist: int
    """IVF: groups in each of the server's segments; 0 where there are none."""

    code_bytes: int
    """PQ: bytes kept of each image; 0 where it is kept whole."""

    @property
    def index_settings(self) -> dict[str, Any]:
        """What pymilvus's `add_index` is given."""
        config = self.config
        params: dict[str, int] = {}
        match config.kind:
            case IndexKind.HNSW:
                params = {"M": config.m, "efConstruction": config.ef_construction}
            case IndexKind.IVF:
                params = {"nlist": self.nlist}
            case IndexKind.IVF_PQ:
                params = {"nlist": self.nlist, "m": self.code_bytes, "nbits": 8}
            case IndexKind.SQ8:
                params = {"nlist": 1}
        return {
            "field_name": VECTOR,
            "index_name": VECTOR,
            "index_type": TYPES[config.kind],
            "metric_type": METRICS[config.metric],
            "params": params,
        }

    @property
    def effort(self) -> Effort | None:
        """What a search can be made more thorough by; None where every vector is looked at."""
        if self.config.kind == IndexKind.HNSW:
            return Effort("efSearch", self.config.ef_search, MAX_CANDIDATES)
        if self.config.kind in (IndexKind.IVF, IndexKind.IVF_PQ):
            wanted = self.config.nprobe or min(MAX_NPROBE, math.ceil(self.nlist / 8))
            return Effort("nprobe", min(self.nlist, wanted), self.nlist)
        return None

    def search_params(self, k: int, effort: int | None) -> dict[str, int]:
        """Return what is told the server of how far to look for `k` images."""
        own = self.effort
        if own is None:
            return {"nprobe": 1} if self.config.kind == IndexKind.SQ8 else {}
        if own.name == "efSearch":  # The server refuses fewer candidates than results
            return {"ef": max(k, effort or own.value)}
        return {"nprobe": min(effort or own.value, own.most)}


def is_on_milvus(index: Manifest) -> bool:
    """Tell whether an index is kept on a Milvus server."""
    return index.config.get("store") == StoreName.MILVUS


def no_file(index_id: str) -> WorkbenchError:
    """Return what is said where an index on a server would have to be a file here."""
    return WorkbenchError(
        f"{index_id} is kept by Milvus, so there is no file of it here.",
        "Build an index of the same embeddings with FAISS, and take that one.",
    )


def collection_name(fingerprint: str, config: IndexConfig, number: int = 1) -> str:
    """Return what the collection of an index is called: the same each time it is built.

    Args:
        fingerprint: Of the embeddings.
        config: Which index.
        number: Counts those that are alike.
    """
    content = json.dumps([fingerprint, asdict(config), number], sort_keys=True)
    return f"workbench_{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def marks_of(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return what tells rows of one id apart: a hash of the embedding and the class.

    By it a collection that was half filled, or filled with earlier embeddings, is brought up to
    date without sending again what it has.

    Args:
        vectors: (N, D) float32.
        labels: (N) classes, "" for none.

    Returns:
        (N,) int64.
    """
    marks = np.empty(len(vectors), np.int64)
    for row, (vector, label) in enumerate(zip(vectors, labels, strict=True)):
        digest = hashlib.blake2b(vector.tobytes(), digest_size=8)
        digest.update(label.encode())
        marks[row] = int.from_bytes(digest.digest(), "little", signed=True)
    return marks


def labels_filter(labels: Sequence[str]) -> str:
    """Return Milvus's expression for rows of some classes.

    A class is a stranger's text. JSON's quoting is Milvus's own as long as what is not ASCII stays
    as it is: it does not know JSON's pairs of escapes for one character.
    """
    return f"{LABEL} in {json.dumps(list(labels), ensure_ascii=False)}"


def ids_filter(image_ids: NDArray[np.int64]) -> str:
    """Return Milvus's expression for rows of some (B,) catalog ids."""
    return f"{ID} in {image_ids.tolist()}"
