"""Keys of cached functions: arguments by ids, fingerprints and revisions, never by their data."""

from collections.abc import Callable
from typing import Any

from core.artifacts.manifests import Manifest
from core.datasets.catalog import Catalog
from core.datasets.filter_kinds import AnyOf, AnyRelated
from core.datasets.registry import Dataset
from core.query.query import ImageSource

BY_CONTENT: dict[str | type[Any], Callable[[Any], Any]] = {
    Manifest: lambda manifest: (manifest.id, manifest.fingerprint),
    Dataset: lambda dataset: (str(dataset.folder), dataset.catalog.fingerprint),
}
"""`hash_funcs` of what depends on the images, labels and splits of a dataset, and not on tags."""

BY_REVISION: dict[str | type[Any], Callable[[Any], Any]] = BY_CONTENT | {
    Dataset: lambda dataset: (str(dataset.folder), dataset.catalog.revision),
    Catalog: lambda catalog: (str(catalog.path), catalog.revision),
    AnyOf: lambda kind: kind.option,
    AnyRelated: lambda kind: kind.option,
    ImageSource: lambda source: source.key,
}
"""`hash_funcs` of what may depend on anything in a catalog."""
