"""The script that goes along with a model's weights and loads them without this project.

It says again, for one model, what `network.py`, `preprocess.py` and `images.py` do; the tests hold
it to them.
"""

from string import Template

from core.models.backbones import Backbone, find_backbone
from core.models.gem import MIN_VALUE, POWER
from core.models.network import LOGIT_SCALE, NetworkConfig
from core.models.pooling import Pooling, find_pooling, num_features, pooled_side
from core.models.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN

SCRIPT = Template('''\
"""$does an image with the model "$model".

    python load_model.py IMAGE

It needs torch, torchvision, safetensors, numpy and pillow, and model.safetensors beside it.
"""

import json
import re
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps
from safetensors import safe_open
from torch import nn
from torch.nn import functional

WEIGHTS = Path(__file__).with_name("model.safetensors")
IMAGE_SIZE = $image_size  # Side of the square that the network sees, in pixels
MEAN = torch.tensor($mean).reshape(3, 1, 1)
DEVIATION = torch.tensor($deviation).reshape(3, 1, 1)
LOGIT_SCALE = $logit_scale  # Of embeddings, before they are classified


${pool_class}class Network(nn.Module):
    """The layers of $label, an embedding of $dimension numbers$and_classifier."""

    def __init__(self, num_classes):
        super().__init__()
        layers = list(torchvision.models.$trunk.named_children())
        self.trunk = nn.Sequential(OrderedDict(layers[:$num_layers]))
        self.pool = $pool
        self.project = nn.Linear($features, $dimension, bias=$bias)
        self.normalize = $normalize
        self.classifier = $classifier

    def forward(self, pixels):
        """Return (N, $dimension) unit embeddings and (N, classes) probabilities."""
        pooled = self.pool(self.trunk(pixels)).flatten(1)
        embeddings = functional.normalize(self.normalize(self.project(pooled)))
        return embeddings, $scores.softmax(dim=1)


def load():
    """Return the network with its weights, and the name of each class."""
    with safe_open(WEIGHTS, "pt") as file:
        classes = json.loads(file.metadata()["classes"])
        weights = {key: file.get_tensor(key) for key in file.keys()}
    # The trunk is in two parts there, because the first one was frozen in training
    weights = {re.sub("^(frozen|tail)[.]", "trunk.", key): weights[key] for key in weights}
    with torch.device("meta"):  # Without random weights, which take time
        network = Network(len(classes))
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval(), classes


def read(path):
    """Return a picture as a viewer sees it: upright, RGB, transparent parts over white."""
    image = Image.open(path)
    image.draft(None, (IMAGE_SIZE, IMAGE_SIZE))  # A large JPEG is decoded at a fraction
    image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(layer, mask=layer)
    return white


def preprocess(image):
    """Scale an RGB image's short side, cut out the middle, normalize: (3, S, S) float32."""
    scale = IMAGE_SIZE / min(image.size)
    width, height = (max(IMAGE_SIZE, round(length * scale)) for length in image.size)
    left, top = (width - IMAGE_SIZE) // 2, (height - IMAGE_SIZE) // 2
    right = min((left + IMAGE_SIZE) / scale, image.width)
    bottom = min((top + IMAGE_SIZE) / scale, image.height)
    box = (left / scale, top / scale, right, bottom)
    square = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR, box=box)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1)
    return (pixels.float() / 255 - MEAN) / DEVIATION


def main(path):
    network, classes = load()
    with torch.inference_mode():
        embeddings, probabilities = network(preprocess(read(path)).unsqueeze(0))
    by_class = dict(zip(classes, probabilities[0].tolist()))
    print(json.dumps({"embedding": embeddings[0].tolist(), "probabilities": by_class}))


if __name__ == "__main__":
    main(sys.argv[1])
''')

GEM_CLASS = f'''\
class GeneralizedMean(nn.Module):
    """The third root of each channel's mean third power."""

    def forward(self, features):
        powers = features.clamp(min={MIN_VALUE}).pow({POWER})
        return powers.mean(dim=(-2, -1), keepdim=True).pow(1 / {POWER})


'''

README = Template("""\
$model: a $label that embeds images$and_classes.

model.safetensors  the weights; what is needed to build the network is in the file's own metadata
load_model.py      loads them and embeds an image, with nothing but torch, torchvision,
                   safetensors, numpy and pillow: python load_model.py IMAGE

An embedding is $dimension numbers of length 1. The nearer 1 the dot product of two embeddings, the
more alike their images. Use the functions in load_model.py to embed many images.
""")


def script_for(model_id: str, config: NetworkConfig) -> str:
    """Return load_model.py for a model of this configuration."""
    backbone = find_backbone(config.backbone)
    whole = f"{backbone.name}(weights=None)"
    pooling = find_pooling(config.pooling)
    return SCRIPT.substitute(
        model=model_id,
        label=backbone.label,
        trunk=".".join(filter(None, (whole, backbone.prefix.rstrip(".")))),
        num_layers=backbone.num_layers,
        pool=_pool_of(backbone, pooling),
        pool_class=GEM_CLASS if pooling == Pooling.GEM else "",
        features=num_features(backbone, pooling),
        dimension=config.dimension,
        bias=not config.batch_norm,
        normalize=f"nn.BatchNorm1d({config.dimension})" if config.batch_norm else "nn.Identity()",
        image_size=config.image_size,
        logit_scale=LOGIT_SCALE,
        mean=list(IMAGENET_MEAN),
        deviation=list(IMAGENET_DEVIATION),
        **_classifying(config),
    )


def _pool_of(backbone: Backbone, pooling: Pooling) -> str:
    if pooling == Pooling.GEM:
        return "GeneralizedMean()"
    if pooling == Pooling.MAX:
        return "nn.AdaptiveMaxPool2d(1)"
    return f"nn.AdaptiveAvgPool2d({pooled_side(backbone, pooling)})"


def _classifying(config: NetworkConfig) -> dict[str, str]:
    """Return what the script says of classes, also where there are none."""
    if not config.num_classes:
        return {
            "does": "Embeds",
            "and_classifier": "",
            "classifier": "nn.Identity()  # It knows no classes",
            "scores": "self.classifier(embeddings)[:, :0]",
        }
    return {
        "does": "Embeds and classifies",
        "and_classifier": " and a classifier",
        "classifier": f"nn.Linear({config.dimension}, num_classes)",
        "scores": "self.classifier(LOGIT_SCALE * embeddings)",
    }


def readme_for(model_id: str, config: NetworkConfig) -> str:
    """Return README.txt for a model of this configuration."""
    return README.substitute(
        model=model_id,
        label=find_backbone(config.backbone).label,
        and_classes=f" and tells {config.num_classes} classes apart" * bool(config.num_classes),
        dimension=config.dimension,
    )
