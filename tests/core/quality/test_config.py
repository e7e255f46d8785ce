"""Settings and names of the checks."""

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
