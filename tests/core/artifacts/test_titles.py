from pathlib import Path

import pytest

from core.artifacts.titles import read_title, write_title
from core.errors import MissingError, WorkbenchError


def test_the_id_is_the_title_until_one_is_set(tmp_path: Path) -> None:
    (tmp_path / "birds-flat").mkdir()
    assert read_title(tmp_path, "birds-flat") == "birds-flat"
    write_title(tmp_path, "birds-flat", "  My <b>best</b>\n one ")
    assert read_title(tmp_path, "birds-flat") == "My <b>best</b> one"
    write_title(tmp_path, "birds-flat", "")
    assert read_title(tmp_path, "birds-flat") == "birds-flat"


def test_a_title_needs_an_artifact_and_has_a_length_limit(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="There is no “gone”"):
        write_title(tmp_path, "gone", "x")
    (tmp_path / "a").mkdir()
    with pytest.raises(WorkbenchError, match="81 characters is too long"):
        write_title(tmp_path, "a", "x" * 81)
    (tmp_path / "a" / "title.txt").write_bytes(b"\xff" * 300)
    assert len(read_title(tmp_path, "a")) == 80
