"""Annotations from CSV, TSV, Parquet and JSON Lines."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from core.datasets.annotations import file_names, texts
from core.datasets.annotations.annotation import Annotation, Annotations, Box
from core.datasets.annotations.formats import (
    columns_of,
    detect_format,
    read_annotations,
)
from core.datasets.annotations.roles import Columns, Role
from core.datasets.columns import Split
from core.errors import MissingError, WorkbenchError
from tests.factories.images import speckled


def read(tmp_path: Path, name: str, content: str | bytes, columns: Columns = ()) -> Annotations:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_annotations(tmp_path, file, columns)


def labels(found: Annotations) -> dict[str, str | None]:
    return {path: each.label for path, each in found.images.items()}


CAT_AND_DOG = {"a.jpg": "cat", "b.jpg": "dog"}


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.jpg,cat\nb.jpg,dog\n",
        "\n\nfile_name;Class\r\na.jpg;cat\r\n\r\nb.jpg;dog\r\n",
        "Image Path\tCategory Name\na.jpg\tcat\nb.jpg\tdog",
        '"filename","target"\n"a.jpg","cat"\n"b.jpg","dog"\n',
        "﻿path, label\na.jpg, cat\nb.jpg, dog\n",
        "id,file,label,\n1,a.jpg,cat,\n2,b.jpg,dog,\n",
        "path|label\na.jpg|cat\nb.jpg|dog\n",
    ],
    ids=["comma", "semicolon", "tab", "quoted", "mark", "trailing", "bar"],
)
def test_tables_of_text_are_read(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, "labels.csv", text)
    assert labels(found) == CAT_AND_DOG
    assert (found.problems, found.notes) == ((), ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_the_encoding_is_recognized(tmp_path: Path, encoding: str) -> None:
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    content = mark + "path,label\nä.jpg,Bär\n".encode(encoding)
    found = read(tmp_path, "labels.csv", content)
    assert (labels(found), found.notes) == ({"ä.jpg": "Bär"}, ())


def test_other_text_is_read_as_windows_1252_and_it_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, "labels.csv", "path,label\na.jpg,Bär\n".encode("cp1252"))
    assert labels(found) == {"a.jpg": "Bär"}
    assert found.notes == ("labels.csv is not UTF-8; it is read as Windows-1252.",)


def test_labels_are_text_exactly(tmp_path: Path) -> None:
    rows = ["007", "NA", "nan", "1.0", '"a, ""b"""', "", " "]
    text = "path,label\n" + "".join(f"{number}.jpg,{row}\n" for number, row in enumerate(rows))
    found = list(labels(read(tmp_path, "labels.csv", text)).values())
    assert found == ["007", "NA", "nan", "1.0", 'a, "b"', None, None]


def test_splits_and_tags_are_read(tmp_path: Path) -> None:
    text = 'path,label,Subset,tags\n1.jpg,a,VAL,"[""x"", ""y""]"\n2.jpg,b,,z; y\n3.jpg,c,extra,\n'
    found = read(tmp_path, "labels.csv", text)
    assert found.images == {
        "1.jpg": Annotation("a", Split.VALIDATION, ("x", "y")),
        "2.jpg": Annotation("b", None, ("y", "z")),
        "3.jpg": Annotation("c", None, ()),
    }
    assert found.problems == (
        "labels.csv, line 4: “extra” is not a split; use train, val or test.",
    )


def test_rows_that_cannot_be_used_are_named_by_their_line(tmp_path: Path) -> None:
    text = 'path,label\na.jpg,cat,3\nb.jpg\n,cat\n"c.jpg"x,cat\n\nd.jpg,' + "x" * 500 + "\ne.jpg,a"
    found = read(tmp_path, "labels.csv", text)
    assert labels(found) == {"d.jpg": None, "e.jpg": "a"}
    assert found.num_problems == 5
    assert [problem.split(":")[0] for problem in found.problems] == [
        f"labels.csv, line {line}" for line in (2, 3, 4, 5, 7)
    ]
    assert found.problems[0] == "labels.csv, line 2: 3 fields in place of 2."


def test_equal_rows_are_one_and_contradictory_ones_leave_no_label(tmp_path: Path) -> None:
    text = "path,label,split\na.jpg,cat,\na.jpg,cat,test\nb.jpg,cat,\nb.jpg,dog,\nb.jpg,cat,\n"
    found = read(tmp_path, "labels.csv", text)
    assert found.images["a.jpg"] == Annotation("cat", Split.TEST)
    assert found.images["b.jpg"].label is None
    assert found.problems == (
        "labels.csv: b.jpg has different labels, “cat” and “dog”; it gets none.",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "labels.csv is empty"),
        ("a.jpg,cat\nb.jpg,dog\n", "labels.csv has no header: its first line is “a.jpg,cat”"),
        ("where,label\n", "no column with paths of images. Choose one, or name it file_name"),
        ("path,what\n", "no column of labels, splits or tags"),
        ('path,label\na.jpg,"cat\nb.jpg,dog\n', "A quote in line 2 of labels.csv is never closed"),
        ('path,label\na.jpg,"' + "cat\n" * 50_000, "A quote in line 2"),
        ("path,label\n\0\0\n", "labels.csv is not a text file"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError, match=sentence):
        read(tmp_path, "labels.csv", text)


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    text = "where,label,what\na.jpg,1,cat\n"
    chosen = ((Role.PATH, "where"), (Role.LABEL, "what"))
    assert labels(read(tmp_path, "labels.csv", text, chosen)) == {"a.jpg": "cat"}
    assert columns_of(tmp_path / "labels.csv") == ["where", "label", "what"]
    with pytest.raises(WorkbenchError, match="no column “who”. Its columns: where, label, what"):
        read(tmp_path, "labels.csv", text, ((Role.PATH, "who"),))


def test_json_lines_are_read(tmp_path: Path) -> None:
    rows = [
        {"file_name": "a.jpg", "label": 7, "tags": ["x"]},
        {"file_name": "b.jpg", "label": None, "split": "train"},
        {"file_name": "c.jpg", "label": "007", "extra": {"deep": []}},
        {"file_name": "d.jpg", "label": ["cat"]},
    ]
    lines = [json.dumps(row) for row in rows]
    found = read(
        tmp_path, "metadata.jsonl", "\n".join([*lines[:2], "", "{broken", "[]", *lines[2:]])
    )
    assert found.images == {
        "a.jpg": Annotation("7", None, ("x",)),
        "b.jpg": Annotation(None, Split.TRAIN),
        "c.jpg": Annotation("007"),
        "d.jpg": Annotation("cat"),
    }
    assert found.problems == (
        "metadata.jsonl, line 4: it is not valid JSON.",
        "metadata.jsonl, line 5: it is not a JSON object.",
    )


def test_json_lines_that_are_hostile_are_problems(tmp_path: Path) -> None:
    good = '{"file_name": "a.jpg", "label": "cat"}'
    half, pair = good.replace("cat", "\\ud800"), good.replace("a.jpg", "\\ud83d\\ude00.jpg")
    long = '{"file_name": "' + "x" * (1 << 20) + '"}'
    lines = [good, "[" * 100_000, long, "9" * 5000, half, good, pair]
    found = read(tmp_path, "metadata.jsonl", "\n".join(lines))
    assert labels(found) == {"a.jpg": "cat", "\U0001f600.jpg": "cat"}
    assert [each.split(":")[0] for each in found.problems] == [
        f"metadata.jsonl, line {line}" for line in (2, 3, 4, 5)
    ]
    with pytest.raises(WorkbenchError, match="has no JSON objects"):
        read(tmp_path, "other.jsonl", "no json\n")


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    table = {
        "file_name": ["a.jpg", "b.jpg", "c.jpg"],
        "label": [1.0, float("nan"), None],
        "tags": [["x"], [], None],
        "image": [b"bytes", b"", None],
    }
    parquet.write_table(pa.table(table), tmp_path / "train.parquet")
    found = read_annotations(tmp_path, tmp_path / "train.parquet")
    assert found.images == {
        "a.jpg": Annotation("1", None, ("x",)),
        "b.jpg": Annotation(),
        "c.jpg": Annotation(),
    }
    assert columns_of(tmp_path / "train.parquet") == ["file_name", "label", "tags"]
    frame = pd.DataFrame({"path": ["a.jpg"], "label": pd.Categorical(["cat"]), "split": ["dev"]})
    frame.to_parquet(tmp_path / "frame.parquet")
    assert read_annotations(tmp_path, tmp_path / "frame.parquet").images == {
        "a.jpg": Annotation("cat", Split.VALIDATION)
    }


def test_a_damaged_parquet_table_says_so(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"path": ["a.jpg"] * 99, "label": ["x"] * 99}), tmp_path / "x")
    whole = (tmp_path / "x").read_bytes()
    misnamed = whole.replace(b"label", b"\xfd\xfdbel")
    damaged = (b"", b"PAR1", whole[:-20], whole[:4] + b"\xff" * 60 + whole[64:], misnamed)
    for content in damaged:
        with pytest.raises(
            WorkbenchError, match="labels.parquet is damaged or not a Parquet table"
        ):
            read(tmp_path, "labels.parquet", content)


def test_formats_are_detected_and_others_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"a.CSV": "CSV", "a.tsv": "CSV", "a.parquet": "Parquet", "a.jsonl": "JSON Lines"}
    found = {name: detect_format(tmp_path / name) for name in known}
    assert {name: form and form.title for name, form in found.items()} == known
    with pytest.raises(
        WorkbenchError, match="notes.txt is not an annotation file. Known formats: CSV"
    ):
        read(tmp_path, "notes.txt", "text")
    with pytest.raises(MissingError, match="no annotation file gone.csv"):
        read_annotations(tmp_path, tmp_path / "gone.csv")
    monkeypatch.setattr(texts, "MAX_BYTES", 10)
    with pytest.raises(WorkbenchError, match="large.csv is larger than"):
        read(tmp_path, "large.csv", "path,label\na.jpg,x")


def test_one_metadata_file_counts_in_each_folder() -> None:
    paths = ["train/metadata.csv", "train/metadata.jsonl", "metadata.parquet", "Metadata.csv"]
    assert file_names.metadata_files(paths) == ("metadata.parquet", "train/metadata.jsonl")


def test_boxes_of_hugging_faces_metadata_are_read(tmp_path: Path) -> None:
    speckled("red", 0, 40).save(tmp_path / "a.png")  # 40 × 40
    boxes = {"bbox": [[10, 0, 20.0, 40], [0, 0, 4, 4]], "categories": ["cat", "dog"]}
    each = [{"bbox": [0, 0, 50, 100], "category": 3}]
    rows = [
        {"file_name": "a.png", "objects": boxes},
        {"file_name": "b.png", "objects": each, "width": 100, "height": 200},
        {"file_name": "c.png", "objects": {"bbox": [], "categories": []}},
        {"file_name": "d.png", "objects": None},
    ]
    found = read(tmp_path, "metadata.jsonl", "\n".join(map(json.dumps, rows)))
    assert found.problems == ()
    assert found.images == {
        "a.png": Annotation(
            "cat", boxes=(Box("cat", 0.25, 0, 0.5, 1), Box("dog", 0, 0, 0.1, 0.1)), size=(40, 40)
        ),
        "b.png": Annotation("3", boxes=(Box("3", 0, 0, 0.5, 0.5),), size=(100, 200)),
        "c.png": Annotation(),
        "d.png": Annotation(),
    }


def test_boxes_in_parquet_are_read(tmp_path: Path) -> None:
    boxes = {"bbox": [[0.0, 0.0, 50.0, 100.0]], "categories": ["cat"]}
    table = {"file_name": ["a.png"], "width": [100], "height": [200], "objects": [boxes]}
    parquet.write_table(pa.table(table), tmp_path / "metadata.parquet")
    found = read_annotations(tmp_path, tmp_path / "metadata.parquet")
    assert found.images["a.png"].boxes == (Box("cat", 0, 0, 0.5, 0.5),)
    assert found.images["a.png"].label == "cat"


@pytest.mark.parametrize(
    ("objects", "problem"),
    [
        ({"bbox": [[0, 0, 1, 1]]}, "`objects` needs a class for each bbox"),
        ({"bbox": [[0, 0, 1, 1]], "categories": []}, "`objects` needs a class for each bbox"),
        ({"bbox": [[0, 0, 1]], "categories": ["a"]}, "it has no box of four numbers"),
        ({"bbox": [[0, 0, 1, "1"]], "categories": ["a"]}, "it has no box of four numbers"),
        ({"bbox": [[200, 0, 9, 9]], "categories": ["a"]}, "has no area in the image"),
        ({"bbox": [[0, 0, 9, 9]], "categories": [None]}, "a box has no class"),
        ([{"bbox": [0, 0, 9, 9]}], "a box has no class"),
    ],
)
def test_boxes_that_cannot_be_used_are_problems(
    tmp_path: Path, objects: object, problem: str
) -> None:
    row = {"file_name": "a.png", "label": "cat", "width": 100, "height": 100, "objects": objects}
    found = read(tmp_path, "metadata.jsonl", json.dumps(row))
    assert (found.images["a.png"].label, found.images["a.png"].boxes) == ("cat", ())
    [sentence] = found.problems
    assert problem in sentence
    assert sentence.startswith("metadata.jsonl, line 1: ")


def test_boxes_without_the_image_and_its_size_are_a_problem(tmp_path: Path) -> None:
    row = {"file_name": "a.png", "objects": {"bbox": [[0, 0, 9, 9]], "categories": ["a"]}}
    found = read(tmp_path, "metadata.jsonl", json.dumps(row))
    assert found.problems == ("metadata.jsonl, line 1: its image has no width and height.",)


def test_a_box_that_cannot_be_used_leaves_the_others(tmp_path: Path) -> None:
    objects = {"bbox": [[0, 0, 50, 50], [0, 0, 1], [0, 0, 50, 50]], "categories": ["a", "b", "a"]}
    row = {"file_name": "a.png", "width": 100, "height": 100, "objects": objects}
    found = read(tmp_path, "metadata.jsonl", json.dumps(row))
    assert found.images["a.png"].boxes == (Box("a", 0, 0, 0.5, 0.5),)
    assert found.num_problems == 1


@pytest.mark.parametrize("objects", [7, "cat, dog", ["cat", "dog"], {"names": ["cat"]}, {}])
def test_another_column_of_that_name_is_ignored(tmp_path: Path, objects: object) -> None:
    row = {"file_name": "a.png", "label": "cat", "objects": objects}
    found = read(tmp_path, "metadata.jsonl", json.dumps(row))
    assert found.images == {"a.png": Annotation("cat")}
    assert found.problems == ()


def test_a_text_column_of_that_name_in_csv_is_ignored(tmp_path: Path) -> None:
    found = read(tmp_path, "labels.csv", 'path,label,objects\na.jpg,cat,"cat, dog"\n')
    assert found.images == {"a.jpg": Annotation("cat")}
    assert found.problems == ()
