import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from core.training.config import TrainConfig
from core.training.losses import LOSSES
from core.training.objective import PROXY_RATE, Objective
from core.workspace import PROJECT
from tests.support.objective_rank import every_loss

METRICS = [name for name in LOSSES if name != "cross_entropy"]
WITH_PROXIES = [name for name in LOSSES if LOSSES[name].has_proxies]


def unit(*degrees: float) -> Tensor:
    """Unit vectors in the plane, the rest of 8 dimensions 0."""
    angles = torch.tensor(degrees) * torch.pi / 180
    plane = torch.stack([angles.cos(), angles.sin()], dim=1)
    return functional.pad(plane, (0, 6)).requires_grad_()


def objective(metric: str, weight: float = 1, num_classes: int = 3) -> Objective:
    return Objective(metric, weight=weight, num_classes=num_classes, dimension=8)


def numbers(*values: int) -> Tensor:
    return torch.tensor(values)


def test_losses_are_listed_without_torch() -> None:
    script = "import sys, core.training.losses, core.training.augment_config; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "pytorch_metric_learning", "scipy"} & set(ended.stdout.split())


def test_every_loss_has_a_one_line_explanation() -> None:
    for name, loss in LOSSES.items():
        assert loss.explanation.endswith(".")
        assert len(loss.explanation) < 80
        assert name == "cross_entropy" or loss.compares_images != loss.has_proxies


@pytest.mark.parametrize("metric", LOSSES)
def test_losses_with_proxies_have_and_save_parameters(metric: str) -> None:
    torch.manual_seed(1)
    first, second = objective(metric), objective(metric)
    assert bool(list(first.parameters())) == LOSSES[metric].has_proxies
    assert bool(first.state_dict()) == LOSSES[metric].has_proxies
    second.load_state_dict(first.state_dict())
    for mine, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_proxies_learn_faster_and_do_not_decay() -> None:
    (group,) = objective("proxy_anchor").parameter_groups(1e-3)
    assert group["lr"] == PROXY_RATE * 1e-3 == 1e-2
    assert group["weight_decay"] == 0
    assert [tuple(p.shape) for p in group["params"]] == [(3, 8)]
    assert objective("supcon").parameter_groups(1e-3) == []
    assert torch.optim.AdamW([{"params": [torch.nn.Parameter(torch.ones(1))]}, group])


@pytest.mark.parametrize("metric", ["none", "cross_entropy"])
def test_cross_entropy_alone_is_torchs_at_any_weight(metric: str) -> None:
    scores, labels = torch.randn(4, 3), numbers(0, 1, 2, 1)
    made = Objective(metric, weight=0.5, num_classes=3, dimension=8, label_smoothing=0.1)
    expected = functional.cross_entropy(scores, labels, label_smoothing=0.1)
    assert torch.equal(made(unit(0, 1, 2, 3), scores, labels), expected)


def test_the_weight_mixes_the_two() -> None:
    embeddings, scores, labels = unit(0, 30, 60, 90), torch.randn(4, 3), numbers(0, 0, 1, 1)
    entropy, half, metric = (
        objective("supcon", weight)(embeddings, scores, labels) for weight in (0, 0.5, 1)
    )
    torch.testing.assert_close(entropy, functional.cross_entropy(scores, labels))
    torch.testing.assert_close(half, (entropy + metric) / 2)


def test_triplets_are_semi_hard_by_the_margin_of_cosines() -> None:
    """Class 0 at 0 and 60 degrees, class 1 at -65.

    Anchored at 0: cos 60 = 0.5, cos 65 = 0.4226, violated by 0.1 - 0.0774 = 0.0226. Anchored at
    60, the negative is at 125 degrees, far beyond the margin.
    """
    loss = objective("triplet")(unit(0, 60, -65), torch.zeros(3, 3), numbers(0, 0, 1))
    torch.testing.assert_close(loss.item(), 0.4226 - 0.5 + 0.1, rtol=0, atol=1e-4)
    harder = objective("triplet")(unit(0, 60, -50), torch.zeros(3, 3), numbers(0, 0, 1))
    assert harder.item() == 0, "a negative nearer than the positive is not semi-hard"


def test_supcon_is_the_papers_formula() -> None:
    """Three images, two of a class, temperature 0.1: the third has no positive and is left out."""
    embeddings = unit(0, 60, 90)
    loss = objective("supcon")(embeddings, torch.zeros(3, 3), numbers(0, 0, 1))
    cosines = (embeddings @ embeddings.T / 0.1).detach()
    first = torch.logsumexp(cosines[0, [1, 2]], 0) - cosines[0, 1]
    second = torch.logsumexp(cosines[1, [0, 2]], 0) - cosines[1, 0]
    torch.testing.assert_close(loss, (first + second) / 2)


@pytest.mark.parametrize("metric", METRICS)
def test_a_step_against_the_gradient_lowers_the_loss(metric: str) -> None:
    torch.manual_seed(2)
    made = objective(metric)
    embeddings = functional.normalize(torch.randn(12, 8)).requires_grad_()
    labels, scores = torch.arange(12) % 3, torch.zeros(12, 3)
    before = made(embeddings, scores, labels)
    before.backward()
    assert embeddings.grad is not None
    moved = functional.normalize(embeddings - 1e-3 * embeddings.grad).detach()
    assert made(moved, scores, labels) < before


@pytest.mark.parametrize("metric", LOSSES)
@pytest.mark.parametrize(
    "labels",
    [numbers(0), numbers(0, 1, 2), numbers(1, 1, 1), numbers(0, 0, 1)],
    ids=["one image", "each alone", "one class", "one pair"],
)
@pytest.mark.parametrize("angle", [0.0, 40.0], ids=["all in one place", "apart"])
def test_batches_without_pairs_give_finite_losses(
    metric: str, labels: Tensor, angle: float
) -> None:
    made = objective(metric)
    embeddings = unit(*(angle * i for i in range(len(labels))))
    scores = torch.zeros(len(labels), 3, requires_grad=True)
    loss = made(embeddings, scores, labels)
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)
    if metric != "cross_entropy":
        assert embeddings.grad is not None
        assert torch.isfinite(embeddings.grad).all()
        if LOSSES[metric].compares_images and len(labels.unique()) in (1, len(labels)):
            assert loss.item() == 0
            assert not embeddings.grad.any()
    assert scores.grad is not None, "DistributedDataParallel waits for it"
    for parameter in made.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("metric", WITH_PROXIES)
def test_an_image_on_its_proxy_gives_finite_gradients(metric: str) -> None:
    made = objective(metric)
    (proxies,) = made.parameters()
    with torch.no_grad():
        proxies.copy_(torch.eye(8)[0].reshape(8, 1) if proxies.shape[0] == 8 else torch.eye(8)[0])
    embeddings = unit(0, 180)
    made(embeddings, torch.zeros(2, 3), numbers(0, 1)).backward()
    assert embeddings.grad is not None
    assert proxies.grad is not None
    assert torch.isfinite(embeddings.grad).all()
    assert torch.isfinite(proxies.grad).all()


@pytest.mark.parametrize("metric", LOSSES)
def test_the_loss_is_float32_under_autocast(metric: str) -> None:
    made = objective(metric, weight=0.5)
    embeddings = functional.normalize(torch.randn(12, 8))
    scores, labels = torch.randn(12, 3), torch.arange(12) % 3
    plain = made(embeddings, scores, labels)
    with torch.autocast("cpu", torch.bfloat16):
        inside = made(embeddings, scores, labels)
        coarse = made(embeddings.bfloat16(), scores.bfloat16(), labels)
    assert inside.dtype == coarse.dtype == torch.float32
    assert torch.equal(inside, plain)
    torch.testing.assert_close(coarse, plain, rtol=0.1, atol=0.1)


def test_an_unknown_loss_or_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="metric_loss must be one of none, cross_entropy"):
        TrainConfig(dataset="some", metric_loss="tripletts")
    with pytest.raises(ValueError, match="metric_loss_weight must be in 0..1, got 2"):
        TrainConfig(dataset="some", metric_loss_weight=2)


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Gradients of the network and of the proxies, for every loss, from the same global batch."""
    quiet = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.objective_rank", str(rank), "2", str(tmp_path)],
            cwd=PROJECT,
            env=os.environ | quiet,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0], errors
    alone = every_loss(0, 1)
    parts = [load_file(tmp_path / f"{rank}.safetensors") for rank in range(2)]
    assert parts[0].keys() == parts[1].keys() == alone.keys()
    assert any(key.startswith("proxy_anchor/metric.") for key in alone)
    for key, expected in alone.items():
        if key.endswith("/loss"):  # Cross-entropy is each process's own: the mean is the batch's
            torch.testing.assert_close((parts[0][key] + parts[1][key]) / 2, expected)
            continue
        assert torch.equal(parts[0][key], parts[1][key]), key
        error = torch.linalg.norm(parts[0][key] - expected) / torch.linalg.norm(expected)
        assert expected.abs().max() > 0, key
        assert error < 1e-5, f"{key}: {error:.1e}"
