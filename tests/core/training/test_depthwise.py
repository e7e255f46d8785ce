"""Depthwise convolutions train in float32, also under autocast, and everything else does not."""

import copy

import torch
from torch import nn

from core.training.depthwise import train_depthwise_in_float32


class Padded(nn.Conv2d):
    """A convolution with a forward of its own, as timm has."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return super().forward(nn.functional.pad(values, [1, 1, 1, 1]))


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(8, 8, 3, groups=8),
        Padded(8, 8, 5, stride=2, groups=8),
        nn.Conv2d(8, 8, 3, groups=4),
    )


def test_depthwise_convolutions_compute_in_float32_and_as_before() -> None:
    plain, exact = layers(), layers()
    train_depthwise_in_float32(exact)
    train_depthwise_in_float32(exact)  # Twice is as once
    assert exact.state_dict().keys() == plain.state_dict().keys()
    pixels = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(exact(pixels), plain(pixels))

    values, kinds = pixels, []
    with torch.autocast("cpu", torch.bfloat16):
        for layer in copy.deepcopy(exact):
            values = layer(values)
            kinds.append(values.dtype)
    assert kinds == [torch.bfloat16, torch.float32, torch.float32, torch.bfloat16]


def test_gradients_of_float32_weights_reach_all_layers() -> None:
    exact = layers()
    train_depthwise_in_float32(exact)
    with torch.autocast("cpu", torch.bfloat16):
        exact(torch.randn(2, 3, 16, 16)).float().square().sum().backward()
    for parameter in exact.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0
