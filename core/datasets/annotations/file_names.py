"""Names of annotation files, and which of them belong to Hugging Face's ImageFolder layout."""

import posixpath

NO_ANNOTATIONS = "none"
"""In place of the path of an annotation file: labels are those of the folders."""

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".jsonl", ".ndjson")
"""Suffixes of tables with a row for each image, in lower case."""

SUFFIXES = (*TABLE_SUFFIXES, ".json", ".txt", ".yaml", ".yml", ".names")
"""Suffixes of all files that may annotate images: archives are unpacked with them."""

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
"""Tables of Hugging Face's ImageFolder, beside the images of a split; the first one counts."""

MAX_BYTES = 200_000_000
"""Largest table that is read."""

MAX_JSON_BYTES = 500_000_000
"""Largest COCO file that is read; that of COCO's 118,000 training images has 449 MB."""

OTHERS = ("classes.txt", "obj.names")
"""Files that stand for many texts, one for each image."""

OWN = frozenset({"left-out.csv", "manifest.json"})
"""Files beside the images of an export that annotate none."""


def may_annotate(name: str) -> bool:
    """Return whether a visible file is named like one that annotates images."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".") and name not in OWN


def is_candidate_name(name: str) -> bool:
    """Return whether a file may annotate all images of a source, not only one."""
    return may_annotate(name) and (not name.lower().endswith(".txt") or name.lower() in OTHERS)


def is_table_name(name: str) -> bool:
    """Return whether a file is named like a table with a row for each image."""
    return name.lower().endswith(TABLE_SUFFIXES)


def is_listing_name(name: str) -> bool:
    """Return whether a file lists paths that may be relative to its folder."""
    return name.lower().endswith((*TABLE_SUFFIXES, ".json"))


def metadata_files(paths: list[str]) -> tuple[str, ...]:
    """Return the tables of an ImageFolder layout, one for each folder, sorted by folder."""
    found: dict[str, str] = {}
    for path in paths:
        folder, name = posixpath.split(path)
        if name in METADATA:
            known = posixpath.basename(found.get(folder, METADATA[-1]))
            if METADATA.index(name) <= METADATA.index(known):
                found[folder] = path
    return tuple(found[folder] for folder in sorted(found))
