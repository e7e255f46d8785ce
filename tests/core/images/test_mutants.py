"""Damaged images of every format: each gives an image or a sentence, the same in every way."""

import pytest

from tests.support.mutants import KINDS, mutants, outcome, seed_image


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_images_are_decoded_or_explained(kind: str) -> None:
    assert outcome(seed_image(kind)) == "decoded"
    outcomes = [outcome(content) for content in mutants(kind, 25)]
    assert set(outcomes) - {"decoded"}
    assert all(text == "decoded" or text.startswith("This image ") for text in outcomes)
