"""Settings and names of the checks."""

import pytest

from core.quality.config import Check


def test_each_check_has_a_tag_of_its_own() -> None:
    assert [check.checked_tag for check in Check] == [
        "label issues checked",
        "outliers checked",
        "near-duplicates checked",
        "split leakage checked",
        "representativeness checked",
        "clusters checked",
    ]


@pytest.mark.parametrize(
    ("old", "check"),
    [
        ("labels", Check.LABEL_ISSUES),
        ("alike", Check.NEAR_DUPLICATES),
        ("leaks", Check.LEAKAGE),
        ("typical", Check.REPRESENTATIVENESS),
    ],
)
def test_a_check_is_known_by_its_name_of_release_0_1_0(old: str, check: Check) -> None:
    assert Check(old) == check
    with pytest.raises(ValueError, match="no_check"):
        Check("no_check")
