"""Start the processes of a training by Ray Train, for the command of a launcher.

`python -m core.training.ray_launcher --processes N [--gpu] -- COMMAND …`: Ray places N workers on
the nodes of a cluster and starts all of them again when one fails. Each runs the command as a
process of its own, with the variables that torchrun would set.
"""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core.workspace import PROJECT

ON_DEATH_OF_PARENT = 1
"""PR_SET_PDEATHSIG of Linux' prctl: Ray kills a worker, which leaves its processes behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in several processes; return 0 if all have ended well."""
    options = _parser().parse_args(arguments)
    os.environ |= {"RAY_TRAIN_V2_ENABLED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    try:
        import ray
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
    except ImportError as error:
        sys.stderr.write(f"Ray Train is not installed ({error}): pip install 'ray[train]'.\n")
        return 1
    ray.init(address=options.address)
    trainer = DataParallelTrainer(
        _work,
        train_loop_config={"command": options.command, "project": str(PROJECT)},
        scaling_config=ScalingConfig(
            num_workers=options.processes,
            use_gpu=options.gpu,
            resources_per_worker={"CPU": options.cpus, **({"GPU": 1} if options.gpu else {})},
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=options.storage,
            failure_config=FailureConfig(max_failures=options.max_restarts),
        ),
    )
    trainer.fit()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.training.ray_launcher")
    parser.add_argument("--address", help="The cluster; by default $RAY_ADDRESS or a new one here.")
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--gpu", action="store_true", help="One GPU for each process.")
    parser.add_argument("--cpus", type=float, default=1, help="Cores of each process.")
    parser.add_argument("--max-restarts", type=int, default=3)
    parser.add_argument("--storage", help="Folder for what Ray Train writes; all nodes reach it.")
    parser.add_argument("command", nargs="+")
    return parser


def _work(config: Mapping[str, Any]) -> None:
    """Run the command as one of the processes; on a worker of Ray."""
    import ray
    from ray import train
    from ray.train.collective import broadcast_from_rank_zero

    context = train.get_context()
    with socket.socket() as probe:
        probe.bind(("", 0))
        own = ray.util.get_node_ip_address(), probe.getsockname()[1]
    address, port = broadcast_from_rank_zero(own)
    per_node = context.get_local_world_size()
    variables = {
        "RANK": context.get_world_rank(),
        "WORLD_SIZE": context.get_world_size(),
        "LOCAL_RANK": context.get_local_rank(),
        "LOCAL_WORLD_SIZE": per_node,
        "GROUP_RANK": context.get_node_rank(),
        "GROUP_WORLD_SIZE": context.get_world_size() // per_node,
        "MASTER_ADDR": address,
        "MASTER_PORT": port,
        "TORCHELASTIC_RUN_ID": "ray",
    }
    subprocess.run(
        config["command"],
        cwd=config["project"],
        env=os.environ | {name: str(value) for name, value in variables.items()},
        preexec_fn=lambda: ctypes.CDLL(None).prctl(ON_DEATH_OF_PARENT, signal.SIGKILL),
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
