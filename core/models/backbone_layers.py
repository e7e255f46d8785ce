"""Layers of a backbone as a sequence, built by torchvision or timm."""

from collections import OrderedDict

from torch import nn

from core.models.backbone import Backbone
from core.models.vision import models


def build_backbone(backbone: Backbone, image_size: int | None = None) -> nn.Sequential:
    """Build the backbone's layers with random weights.

    Those of torchvision are named as there, without `prefix`; those of timm are numbered.

    Args:
        backbone: The backbone.
        image_size: S; transformers are built for one size. None is that of the weights.
    """
    if backbone.timm_name:
        from core.models.timm_backbones import build_layers  # timm takes a second to import

        return nn.Sequential(*build_layers(backbone, image_size or backbone.image_size))
    whole: nn.Module = getattr(models, backbone.name)(weights=None)
    layers = whole.get_submodule(backbone.prefix.rstrip(".")).named_children()
    return nn.Sequential(OrderedDict(list(layers)[: backbone.num_layers]))
