"""Training objective: the classifier's cross-entropy mixed with a metric loss.

Shapes, in this file: B images of this process's batch, D embedding dimensions, C classes.
"""

from typing import Any

import torch
from pytorch_metric_learning import distances, losses, miners
from pytorch_metric_learning.utils.distributed import (
    DistributedLossWrapper,
    DistributedMinerWrapper,
)
from torch import Tensor, distributed, nn
from torch.nn import functional

from core.training.losses import CROSS_ENTROPY, NO_METRIC_LOSS

TRIPLET_MARGIN = 0.1
"""Of cosines. FaceNet's 0.2 is of squared distances, which are 2 - 2 cos between unit vectors."""

PROXY_RATE = 10
"""Learning rate of the proxies relative to the head's: Proxy-Anchor (Kim et al. 2020) scales its
1e-4 by 100, and the head's default is 1e-3."""

MAX_COSINE = 1 - 1e-6


class Objective(nn.Module):
    """(1 - weight) · cross-entropy of the scores + weight · metric loss of the embeddings.

    In several processes the metric loss gathers the embeddings of all, so it is the same as in one
    process with the whole batch. Every process must have equally many images (`part_of_rank`) and
    average gradients, as DistributedDataParallel does. Wrap the objective in it too if it has
    parameters: summed in another order on each rank, they would drift apart. In evaluation mode
    nothing is gathered, so that a single process can compute it.
    """

    def __init__(
        self,
        metric: str,
        *,
        weight: float,
        num_classes: int,
        dimension: int,
        label_smoothing: float = 0.0,
    ) -> None:
        """Build the losses; proxies are initialized at random, so seed torch before.

        Args:
            metric: A name of `LOSSES`, or `NO_METRIC_LOSS` for cross-entropy alone.
            weight: Weight of the metric loss, in 0..1; at 0 it is not computed.
            num_classes: C.
            dimension: D.
            label_smoothing: Share of each target spread over the other classes.

        """
        super().__init__()
        self.metric = build_metric(metric, num_classes, dimension) if weight else None
        self.miner = build_miner(metric) if weight else None
        self.weight = weight
        self.label_smoothing = label_smoothing

    def forward(self, embeddings: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of a batch, in float32 even under autocast.

        Args:
            embeddings: (B, D) unit rows.
            scores: (B, C) before the softmax.
            labels: (B,) int64 class numbers.

        Returns:
            () float32. The metric loss is 0, with a gradient of 0, for a batch without pairs. In
            several processes it is of the whole batch, the cross-entropy of this process's part.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            loss = functional.cross_entropy(
                scores.float(), labels, label_smoothing=self.label_smoothing
            )
            if self.metric is None:
                return loss
            # Also at weight 1: DistributedDataParallel waits for a gradient of every parameter
            return (1 - self.weight) * loss + self.weight * self._compare(
                embeddings.float(), labels
            )

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return the optimizer's parameter group of the proxies; none if the loss has no proxies.

        Their learning rate is `PROXY_RATE` times the given one, the head's. They do not decay:
        losses depend only on their directions.
        """
        proxies = list(self.parameters())
        rate = PROXY_RATE * learning_rate
        return [{"params": proxies, "lr": rate, "weight_decay": 0.0}] if proxies else []

    def _compare(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        metric, miner, world_size = self.metric, self.miner, 1
        if self.training and distributed.is_available() and distributed.is_initialized():
            world_size = distributed.get_world_size()
        if world_size > 1:
            # The wrapper multiplies by the world size, and averaging divides by it. That is right
            # for embeddings, whose gradients differ, but the proxies' are equal already.
            metric = DistributedLossWrapper(metric, efficient=False)
            miner = miner and DistributedMinerWrapper(miner, efficient=False)
            embeddings = _with_gradient_times(embeddings, world_size)
        chosen = miner(embeddings.detach(), labels) if miner else None
        loss: Tensor = metric(embeddings, labels, chosen) / world_size  # type: ignore[misc]
        return loss


def build_metric(name: str, num_classes: int, dimension: int) -> nn.Module | None:
    """Build a metric loss of pytorch-metric-learning; None for cross-entropy.

    Settings are those of the papers, which are the library's defaults if not given: semi-hard
    triplets of FaceNet (Schroff et al. 2015), SupCon (Khosla et al. 2020), Multi-Similarity
    (Wang et al. 2019), ArcFace (Deng et al. 2019), Sub-center ArcFace (Deng et al. 2020),
    Proxy-Anchor (Kim et al. 2020).
    """
    if name in (NO_METRIC_LOSS, CROSS_ENTROPY):
        return None
    proxies = {"num_classes": num_classes, "embedding_size": dimension}
    cosine, open_cosine = distances.CosineSimilarity(), _OpenCosine()
    metrics: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
        "triplet": (losses.TripletMarginLoss, {"margin": TRIPLET_MARGIN, "distance": cosine}),
        "supcon": (losses.SupConLoss, {}),
        "multi_similarity": (losses.MultiSimilarityLoss, {}),
        "arcface": (losses.ArcFaceLoss, {**proxies, "distance": open_cosine}),
        "subcenter_arcface": (losses.SubCenterArcFaceLoss, {**proxies, "distance": open_cosine}),
        "proxy_anchor": (losses.ProxyAnchorLoss, proxies),
    }
    kind, settings = metrics[name]
    return kind(**settings)


def build_miner(name: str) -> nn.Module | None:
    """Build the miner that selects pairs or triplets for a loss; None if it uses all.

    Triplets are semi-hard, with a negative farther than the positive but within the margin:
    FaceNet uses them because the hardest ones make an untrained network collapse. The miner needs
    B³ bytes. Multi-Similarity's own mining is part of its paper.
    """
    if name == "triplet":
        miner: nn.Module = miners.TripletMarginMiner(
            margin=TRIPLET_MARGIN,
            type_of_triplets="semihard",
            distance=distances.CosineSimilarity(),
        )
        return miner
    return miners.MultiSimilarityMiner() if name == "multi_similarity" else None


class _OpenCosine(distances.CosineSimilarity):  # type: ignore[misc]
    """Cosines that never reach ±1, where the gradient of ArcFace's angle is infinite and gives NaN.

    They would reach 1 once a class is memorized and its images coincide with the proxy.
    """

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        cosines: Tensor = super().compute_mat(query_emb, ref_emb)
        return cosines.clamp(-MAX_COSINE, MAX_COSINE)


def _with_gradient_times(embeddings: Tensor, factor: int) -> Tensor:
    """Return the same values, with the gradient multiplied by `factor`."""
    same = embeddings.view_as(embeddings)
    if same.requires_grad:
        same.register_hook(lambda gradient: gradient * factor)
    return same
