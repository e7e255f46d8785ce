"""What long work says of itself."""

import pytest

from core.progress import (
    Measurement,
    Progress,
    Stop,
    Work,
    finish,
    format_rate,
    held_back,
    run_part,
)


@pytest.mark.parametrize(
    ("per_second", "said"),
    [
        (0.345, "0.345"),
        (3.0, "3"),
        (12.54, "12.5"),
        (99.97, "100"),
        (999.6, "1,000"),
        (3187, "3,187"),
    ],
)
def test_a_speed_is_said_without_powers_of_ten(per_second: float, said: str) -> None:
    assert format_rate(per_second) == said


def test_parts_add_up_and_stops_reach_them() -> None:
    stopped = []

    def work() -> Work[str]:
        try:
            yield Progress(1, 2, "half")
            yield Measurement("epoch", {})
        except Stop:
            stopped.append(True)
            return "partial"
        return "whole"

    events = list(run_part(work(), 1, 4, "second"))
    assert events[0] == Progress(1500, 4000, "second: half")
    assert isinstance(events[1], Measurement)
    assert finish(run_part(work(), 0, 1, "only")) == "whole"
    part = run_part(work(), 0, 1, "only")
    next(part)
    with pytest.raises(StopIteration) as end:
        part.throw(Stop())
    assert (end.value.value, stopped) == ("partial", [True])


def test_a_stop_is_held_back_until_the_end() -> None:
    def work() -> Work[str]:
        for done in range(3):
            yield Progress(done, 3)
        return "whole"

    held = held_back(work())
    assert next(held) == Progress(0, 3)
    assert held.throw(Stop()) == Progress(1, 3)
    assert finish(held) == ("whole", True)
    assert finish(held_back(work())) == ("whole", False)
