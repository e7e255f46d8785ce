"""Threads of torch do not spin while they wait, and their number does not change results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import PROJECT

PRINT = "import core, os, sys; print(os.environ['{}'], 'torch' in sys.modules)"


def is_intel() -> bool:
    """Return whether the processor is known to be one of Intel's."""
    facts = Path("/proc/cpuinfo")
    return facts.exists() and "GenuineIntel" in facts.read_text()


@pytest.mark.parametrize(
    ("variable", "default"), [("OMP_WAIT_POLICY", "PASSIVE"), ("MKL_CBWR", "AUTO,STRICT")]
)
def test_the_first_import_sets_a_variable_unless_the_user_has(variable: str, default: str) -> None:
    plain = {name: value for name, value in os.environ.items() if name != variable}
    for environment, value in ((plain, default), (plain | {variable: "x"}, "x")):
        ended = subprocess.run(
            [sys.executable, "-c", PRINT.format(variable)],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout == f"{value} False\n"


@pytest.mark.slow
@pytest.mark.skipif(not is_intel(), reason="MKL's strict mode is for Intel's processors")
def test_a_product_has_the_same_bits_with_any_number_of_threads() -> None:
    script = """
import core
import torch

torch.manual_seed(0)
features, weights = torch.randn(16, 1280), torch.randn(128, 1280)
torch.set_num_threads(1)
one = features @ weights.T
torch.set_num_threads(2)
print(torch.equal(one, features @ weights.T))
"""
    plain = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    command = [sys.executable, "-c", script]
    assert subprocess.check_output(command, cwd=PROJECT, env=plain, text=True) == "True\n"
