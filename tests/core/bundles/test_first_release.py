"""A bundle as release 0.1.0 packed it is imported: with torchvision's own network, as it was."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from core.bundles.importing import import_bundle
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.images.thumbnails import thumbnail
from core.progress import finish
from core.query.query import SearchOptions
from core.workspace import Workspace
from tests.factories.queries import search_workspace
from tests.support.old_workspace import ARCHIVE, INDEX, MODEL, old_workspace  # noqa: F401 - a fixture


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def old_bundle(workspace: Workspace, to: Path) -> Path:
    """Pack artifacts as 0.1.0 wrote them, under the names that it gave to entries."""
    folders = {
        "model": f"models/{MODEL}/",
        "embeddings": f"data/embeddings/{MODEL}/",
        "index": f"data/indexes/{INDEX}/",
    }
    dataset = open_dataset(workspace, "shapes")
    lines = []
    with zipfile.ZipFile(ARCHIVE) as old, zipfile.ZipFile(to, "w") as new:
        for kind, folder in folders.items():
            for name in old.namelist():
                if name.startswith(folder) and name != folder:
                    new.writestr(name.replace(folder, f"{kind}/"), old.read(name))
        rows = dataset.catalog.rows_by_id(open_embeddings(workspace, MODEL).image_ids.tolist())
        for row in rows.values():
            jpeg = thumbnail(dataset.path_of(row), dataset.thumbnails, row.sha256)
            new.writestr(f"images/{row.id}.jpg", jpeg)
            facts = {"id": row.id, "path": row.path, "label": row.label, "split": row.split}
            lines.append(json.dumps(facts | {"sha256": sha256(jpeg)}))
        content = "\n".join(lines).encode()
        description = {
            "format": "image retrieval bundle",
            "version": 1,
            "dataset": "shapes",
            "index": INDEX,
            "num_images": len(rows),
            "num_pictures": len(lines),
            "images.jsonl": sha256(content),
        }
        new.writestr("images.jsonl", content)
        new.writestr("bundle.json", json.dumps(description))
        new.writestr("README.txt", "An index of images.")
    return to


@pytest.mark.slow
def test_a_bundle_of_the_first_release_is_imported(
    old_workspace: Workspace,  # noqa: F811
    workspace: Workspace,
    tmp_path: Path,
) -> None:
    path = old_bundle(old_workspace, tmp_path / "old.zip")
    index = finish(import_bundle(workspace, path, "there"))
    assert index.summary["count"] == 54
    assert index.config["nlist"] == 0
    image = open_dataset(old_workspace, "shapes").catalog.rows()[0]
    query = open_dataset(old_workspace, "shapes").path_of(image)
    ours = search_workspace(old_workspace, INDEX, query, SearchOptions(k=5)).as_json()
    theirs = search_workspace(workspace, index.id, query, SearchOptions(k=5)).as_json()
    assert [match["image_id"] for match in ours["matches"]] == [
        match["image_id"] for match in theirs["matches"]
    ]
