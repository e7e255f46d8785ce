"""Script in a PyTorch export that loads a model's weights without this project.

Its template repeats, for one model, what `network.py`, `preprocessing.py` and
`core/images/decoding.py` do; the tests compare the outputs.
"""

import ast
from pathlib import Path
from string import Template

from torch import nn

from core.images.squares import CROP
from core.models.backbone import Backbone
from core.models.backbones import find_backbone
from core.models.network import (
    LOGIT_SCALE,
    MIN_VALUE,
    POWER,
    EmbeddingNetwork,
    GeneralizedMean,
    NetworkConfig,
)

SCRIPT = Template('''\
"""$does an image with the model "$model".

    python load_model.py IMAGE

It needs torch, $library, safetensors, numpy and pillow, and model.safetensors beside it.
"""

import json
import re
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
${imports}from PIL import Image, ImageOps
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = Path(__file__).with_name("model.safetensors")
IMAGE_SIZE = $image_size  # Side of the square that the network sees, in pixels
MEAN = torch.tensor($mean).reshape(3, 1, 1)
DEVIATION = torch.tensor($deviation).reshape(3, 1, 1)
LOGIT_SCALE = $logit_scale  # Scale of embeddings before the classifier


${backbone_classes}${pool_class}class Network(nn.Module):
    """The layers of $label, an embedding of $dimension numbers$and_classifier."""

    def __init__(self, num_classes):
        super().__init__()
        $backbone
        self.pool = $pool
        self.project = $project
        self.normalize = $normalize
        self.classifier = $classifier

    def forward(self, pixels):
        """Return (N, $dimension) unit embeddings and (N, classes) probabilities."""
        pooled = self.pool(self.backbone(pixels)).flatten(1)
        embeddings = functional.normalize(self.normalize(self.project(pooled)))
        return embeddings, $scores.softmax(dim=1)


def load():
    """Return the network with its weights, and the name of each class."""
    with safe_open(WEIGHTS, "pt") as file:
        classes = json.loads(file.metadata()["classes"])
        weights = {key: file.get_tensor(key) for key in file.keys()}
    # The file has the backbone in two parts: the first was frozen in training
    weights = {re.sub("^(frozen|tail)[.]", "backbone.", key): weights[key] for key in weights}
    network = Network(len(classes))
    network.load_state_dict(weights, strict=True)
    return network.eval(), classes


def read(path):
    """Return an image upright, in RGB, transparent parts over white."""
    image = Image.open(path)
    image.draft(None, (IMAGE_SIZE, IMAGE_SIZE))  # A large JPEG is decoded at a fraction
    image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(layer, mask=layer)
    return white


${box_function}def preprocess(image):
    """Scale an RGB image to a square and normalize: (3, S, S) float32."""
    box = $box
    square = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.$interpolation, box=box)
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

CENTER_BOX = '''\
def center(image):
    """Return the box of an image that is scaled to the square: the short side's."""
    scale = IMAGE_SIZE / min(image.size)
    width, height = (max(IMAGE_SIZE, round(length * scale)) for length in image.size)
    left, top = (width - IMAGE_SIZE) // 2, (height - IMAGE_SIZE) // 2
    right = min((left + IMAGE_SIZE) / scale, image.width)
    bottom = min((top + IMAGE_SIZE) / scale, image.height)
    return left / scale, top / scale, right, bottom


'''

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
load_model.py      loads them and embeds an image, with nothing but torch, $library,
                   safetensors, numpy and pillow: python load_model.py IMAGE

An embedding is $dimension numbers of length 1. The nearer 1 the dot product of two embeddings, the
more similar their images. Use the functions in load_model.py to embed many images.
""")


def script_for(model_id: str, network: EmbeddingNetwork) -> str:
    """Return load_model.py for a model."""
    config, backbone = network.config, find_backbone(network.config.backbone)
    return SCRIPT.substitute(
        model=model_id,
        label=backbone.label,
        pool=_source(network.pool),
        pool_class=GEM_CLASS if isinstance(network.pool, GeneralizedMean) else "",
        project=_source(network.project),
        normalize=_source(network.normalize),
        dimension=config.dimension,
        image_size=config.image_size,
        logit_scale=LOGIT_SCALE,
        mean=list(config.mean),
        deviation=list(config.deviation),
        interpolation=config.interpolation.upper(),
        box="center(image)" if config.fit == CROP else "None",
        box_function=CENTER_BOX if config.fit == CROP else "",
        **_backbone_source(backbone, config.image_size),
        **_classifying(config),
    )


def _backbone_source(backbone: Backbone, image_size: int) -> dict[str, str]:
    """Return the parts of the script that build the backbone."""
    if backbone.timm_name:
        source = Path(__file__).with_name("timm_layers.py").read_text(encoding="utf-8")
        tree = ast.parse(source)
        first = next(node for node in tree.body if isinstance(node, ast.Assign))
        classes = "\n".join(source.splitlines()[first.lineno - 1 :])
        return {
            "library": "timm",
            "imports": "import timm\n",
            "backbone_classes": f"{classes}\n\n\n",
            "backbone": "layers = split_layers("
            f"build_model({backbone.timm_name!r}, {image_size}))\n"
            "        self.backbone = nn.Sequential(*layers)",
        }
    whole = ".".join(filter(None, (f"{backbone.name}(weights=None)", backbone.prefix.rstrip("."))))
    return {
        "library": "torchvision",
        "imports": "import torchvision\n",
        "backbone_classes": "",
        "backbone": f"layers = list(torchvision.models.{whole}.named_children())\n"
        f"        self.backbone = nn.Sequential(OrderedDict(layers[:{backbone.num_layers}]))",
    }


def _source(layer: nn.Module) -> str:
    """Return the Python expression that builds a layer, which torch's `repr` is."""
    return repr(layer) if isinstance(layer, GeneralizedMean) else f"nn.{layer!r}"


def _classifying(config: NetworkConfig) -> dict[str, str]:
    """Return the parts of the script that depend on whether the model has classes."""
    if not config.num_classes:
        return {
            "does": "Embeds",
            "and_classifier": "",
            "classifier": "nn.Identity()  # The model has no classes",
            "scores": "self.classifier(embeddings)[:, :0]",
        }
    return {
        "does": "Embeds and classifies",
        "and_classifier": " and a classifier",
        "classifier": f"nn.Linear({config.dimension}, num_classes)",
        "scores": "self.classifier(LOGIT_SCALE * embeddings)",
    }


def readme_for(model_id: str, config: NetworkConfig) -> str:
    """Return README.txt for a model."""
    return README.substitute(
        model=model_id,
        label=find_backbone(config.backbone).label,
        library="timm" if find_backbone(config.backbone).timm_name else "torchvision",
        and_classes=f" and predicts {config.num_classes} classes" * bool(config.num_classes),
        dimension=config.dimension,
    )
