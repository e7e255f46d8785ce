"""Threads of torch do not spin while they wait."""

import os
import subprocess
import sys

from core.workspace import PROJECT

CODE = "import core, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"


def test_the_first_import_sets_how_threads_wait_unless_the_user_has() -> None:
    plain = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for environment, policy in ((plain, "PASSIVE"), (plain | {"OMP_WAIT_POLICY": "x"}, "x")):
        ended = subprocess.run(
            [sys.executable, "-c", CODE],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout == f"{policy} False\n"
