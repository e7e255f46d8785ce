"""The script that goes along with a model's weights and loads them without this project.

It says again, for one model, what `network.py`, `preprocess.py` and `images.py` do; the tests hold
it to them.
"""

from string import Template

from core.embedder.backbones import find_backbone
from core.embedder.network import LOGIT_SCALE, NetworkConfig
from core.embedder.preprocess import IMAGENET_DEVIATION, IMAGENET_MEAN

SCRIPT = Template('''\
"""Embeds and classifies an image with the model "$model".

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


class Network(nn.Module):
    """The layers of $label, an embedding of $dimension numbers and a classifier."""

    def __init__(self, num_classes):
        super().__init__()
        layers = list(torchvision.models.$trunk.named_children())
        self.trunk = nn.Sequential(OrderedDict(layers[:$num_layers]))
        self.pool = nn.AdaptiveAvgPool2d($pooled_side)
        self.project = nn.Linear($features, $dimension, bias=$bias)
        self.normalise = $normalise
        self.classifier = nn.Linear($dimension, num_classes)

    def forward(self, pixels):
        """Return (N, $dimension) unit embeddings and (N, classes) probabilities."""
        pooled = self.pool(self.trunk(pixels)).flatten(1)
        embeddings = functional.normalize(self.normalise(self.project(pooled)))
        return embeddings, self.classifier(LOGIT_SCALE * embeddings).softmax(dim=1)


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
    """Scale an RGB image's short side, cut out the middle, normalise: (3, S, S) float32."""
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

README = Template("""\
$model: a $label that embeds images and tells classes apart, $num_classes of them.

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
    return SCRIPT.substitute(
        model=model_id,
        label=backbone.label,
        trunk=".".join(filter(None, (whole, backbone.prefix.rstrip(".")))),
        num_layers=backbone.num_layers,
        pooled_side=backbone.pooled_side,
        features=backbone.channels * backbone.pooled_side**2,
        dimension=config.dimension,
        bias=not config.batch_norm,
        normalise=f"nn.BatchNorm1d({config.dimension})" if config.batch_norm else "nn.Identity()",
        image_size=config.image_size,
        logit_scale=LOGIT_SCALE,
        mean=list(IMAGENET_MEAN),
        deviation=list(IMAGENET_DEVIATION),
    )


def readme_for(model_id: str, config: NetworkConfig) -> str:
    """Return README.txt for a model of this configuration."""
    return README.substitute(
        model=model_id,
        label=find_backbone(config.backbone).label,
        num_classes=config.num_classes,
        dimension=config.dimension,
    )
