"""Any model of timm can be chosen by its name; AppTest knows no typed options."""

from unittest.mock import Mock

import pytest
import streamlit as st

from core.models.backbones import BACKBONES
from pages.parts.components import backbone_choice


def place(typed: str) -> Mock:
    """Return a container in which a person chooses or types this."""
    return Mock(selectbox=Mock(return_value=typed))


def test_a_listed_backbone_and_any_other_of_timm_are_returned() -> None:
    assert backbone_choice.draw(place("resnet18"), "vgg16", "key") is BACKBONES["resnet18"]
    assert backbone_choice.draw(place("test_vit"), "vgg16", "key").num_blocks == 6


def test_an_unknown_name_is_said_and_the_default_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Mock()
    monkeypatch.setattr(st, "error", said)
    assert backbone_choice.draw(place("no*pe"), "vgg16", "key").name == "vgg16"
    said.assert_called_once_with(
        "timm has no model “no\\*pe” with a feature map. Choose another one."
    )


def test_a_default_that_is_not_listed_can_be_kept() -> None:
    drawn = place("test_vit")
    backbone_choice.draw(drawn, "test_vit", "key")
    names, *_ = drawn.selectbox.call_args.args[1:]
    assert names[0] == "test_vit"
    assert drawn.selectbox.call_args.kwargs["index"] == 0
