"""Names in a zip that are not marked as UTF-8."""

import io
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from core.datasets.importing.archive_names import ENCODINGS, detect_encoding
from core.datasets.importing.listing import list_archive
from core.datasets.importing.preview import preview
from core.datasets.importing.sources import add_archive
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, solid

PICTURE = png(solid("red"))
NAMES = [
    *(("gbk", ["猫"]), ("gbk", ["猫", "狗"]), ("gbk", ["训练集", "测试集", "苹果", "香蕉"])),
    *(("gbk", ["新建文件夹"]), ("gbk", ["汽车", "飞机"]), ("gbk", ["水果", "蔬菜"])),
    *(("shift_jis", ["ソフト"]), ("shift_jis", ["十能", "予定表"]), ("cp932", ["犬", "猫"])),
    *(("cp932", ["写真", "新しいフォルダー"]), ("euc_kr", ["고양이", "개"]), ("cp949", ["사진"])),
    *(("big5", ["貓", "狗"]), ("big5", ["功能", "許蓋"]), ("big5", ["訓練資料", "蘋果"])),
    *(("cp866", ["Кошка", "собака"]), ("cp1251", ["кошки", "собаки"]), ("koi8_r", ["кошки"])),
    *(("cp850", ["Köln"]), ("cp437", ["Äpfel"]), ("cp1252", ["Bäume", "chêne", "érable"])),
    *(("cp1254", ["köpek", "ağaç"]), ("cp1256", ["قطة", "كلب"]), ("cp862", ["חתול", "כלב"])),
    *(("cp852", ["Żółw", "kaczka"]), ("cp737", ["γάτα", "σκύλος"])),
    *(("utf_8", ["猫"]), ("utf_8", ["Köln"]), ("utf_8", [unicodedata.normalize("NFD", "Köln")])),
    *(("utf_8", ["кошки"]), ("utf_8", ["고양이"]), ("utf_8", ["ソフト"]), ("utf_8", ["🦊 fox"])),
]


def unmarked_zip(encoding: str, folders: list[str]) -> io.BytesIO:
    """A zip as programs of that system write it: names in its encoding, without a mark."""
    stream, payload = io.BytesIO(), png(solid("red"))
    raw = [f"{folder}/{number}.png".encode(encoding) for folder in folders for number in range(2)]
    with zipfile.ZipFile(stream, "w") as archive:
        for number, name in enumerate(raw):
            archive.writestr(f"{number:02}".ljust(len(name), "X"), payload)
    content = stream.getvalue()
    for number, name in enumerate(raw):
        content = content.replace(f"{number:02}".ljust(len(name), "X").encode(), name)
    return io.BytesIO(content)


@pytest.mark.parametrize(("encoding", "folders"), NAMES)
def test_names_are_read_in_the_encoding_of_the_archive(encoding: str, folders: list[str]) -> None:
    seen = preview(list_archive(unmarked_zip(encoding, folders), "in.zip", AS_RECOGNIZED))
    assert set(seen.classes) == {unicodedata.normalize("NFC", folder) for folder in folders}


@pytest.mark.parametrize(("encoding", "folder"), [("gbk", "猫"), ("shift_jis", "ソフト")])
def test_such_a_zip_is_imported_with_its_classes(
    workspace: Workspace, tmp_path: Path, encoding: str, folder: str
) -> None:
    path = tmp_path / "in.zip"
    path.write_bytes(unmarked_zip(encoding, [folder]).getvalue())
    dataset, _ = finish(add_archive(workspace, "x", path, SplitConfig()))
    assert dataset.catalog.labels() == [folder]
    assert {row.path for row in dataset.catalog.rows()} == {f"{folder}/0.png", f"{folder}/1.png"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_names_in_a_tar_are_read_in_its_encoding(mode: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(
        fileobj=stream, mode=mode, encoding="gbk", format=tarfile.GNU_FORMAT
    ) as archive:  # type: ignore[call-overload]
        for folder in ("plain", "训练", "狗", "水果"):
            for number in range(30):
                member = tarfile.TarInfo(f"{folder}/{number}.png")
                member.size = len(PICTURE)
                archive.addfile(member, io.BytesIO(PICTURE))
    seen = preview(list_archive(stream, "in.tar", AS_RECOGNIZED))
    assert {name: sum(counts.values()) for name, counts in seen.classes.items()} == dict.fromkeys(
        ("plain", "训练", "狗", "水果"), 30
    )


def test_the_encoding_can_be_given(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    path.write_bytes(unmarked_zip("big5", ["貓"]).getvalue())  # One character is too few
    dataset, _ = finish(add_archive(workspace, "x", path, SplitConfig(), Reading(encoding="big5")))
    assert dataset.catalog.labels() == ["貓"]


def test_names_in_no_encoding_are_readable_all_the_same() -> None:
    assert detect_encoding([]) == "utf_8"
    assert detect_encoding([b"\xff\xfe\x81/1.png"]) in ENCODINGS


def test_a_name_beside_the_own_one_counts() -> None:
    """Info-ZIP writes the name in UTF-8 into an extra field, and another one for old programs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("Koln/1.png")
        name = "Köln/1.png".encode()
        checksum = zlib.crc32(b"Koln/1.png")
        entry.extra = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, checksum) + name
        archive.writestr(entry, png(solid("red")))
    assert set(preview(list_archive(stream, "in.zip", AS_RECOGNIZED)).classes) == {"Köln"}
