"""What long work says of itself."""

import pytest

from core.progress import format_rate


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
