"""A small srun: `python FILE --nodes=N --ntasks-per-node=M COMMAND …` on one machine.

It starts N·M processes with Slurm's variables, each in a session of its own, passes SIGTERM on to
them, and ends the others when one fails, as `--kill-on-bad-exit` does.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType


def main() -> int:
    """Run the tasks; return the status of the first that failed, else 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--ntasks-per-node", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    tasks = [
        subprocess.Popen(
            options.command, env=os.environ | variables(task, options), start_new_session=True
        )
        for task in range(options.nodes * options.ntasks_per_node)
    ]

    def pass_on(number: int, frame: FrameType | None) -> None:
        for task in tasks:
            task.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    while any(task.poll() is None for task in tasks):
        if any(task.returncode for task in tasks):
            pass_on(signal.SIGKILL, None)
        time.sleep(0.05)
    return next((1 for task in tasks if task.returncode), 0)


def variables(task: int, options: argparse.Namespace) -> dict[str, str]:
    """Return what Slurm says to a task."""
    per_node = options.ntasks_per_node
    return {
        "SLURM_JOB_ID": os.environ.setdefault("SLURM_JOB_ID", str(_free_port() - 15000)),
        "SLURM_NODELIST": "localhost",
        "SLURM_NNODES": str(options.nodes),
        "SLURM_NTASKS": str(options.nodes * per_node),
        "SLURM_NTASKS_PER_NODE": str(per_node),
        "SLURM_STEP_NUM_TASKS": str(options.nodes * per_node),
        "SLURM_STEP_NUM_NODES": str(options.nodes),
        "SLURM_PROCID": str(task),
        "SLURM_LOCALID": str(task % per_node),
        "SLURM_NODEID": str(task // per_node),
    }


def _free_port() -> int:
    """Return a free port of those that Lightning takes from the last four digits of a job's id."""
    for port in range(15000 + os.getpid() % 9000, 25000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


if __name__ == "__main__":
    sys.exit(main())
