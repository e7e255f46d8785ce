from pathlib import Path

from core.jobs.events import EventReader, EventWriter
from core.progress import Progress


def test_events_are_read_once_and_an_incomplete_line_later(tmp_path: Path) -> None:
    path = tmp_path / "events"
    reader = EventReader(path)
    assert reader.new_events() == []
    path.write_text('{"kind": "a"}\n{"kind"')
    assert reader.new_events() == [{"kind": "a"}]
    with path.open("a") as file:
        file.write(': "b"}\nnonsense\n[1]\n{"kind": "c"}\n')
    assert [event["kind"] for event in reader.new_events()] == ["b", "c"]
    assert reader.new_events() == []


def test_progress_is_not_written_too_often(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events")
    for done in range(1000):
        writer.report(Progress(done, 1000))
    writer.append("result", result={})
    kinds = [event["kind"] for event in EventReader(tmp_path / "events").new_events()]
    assert kinds[-1] == "result"
    assert len(kinds) < 50
