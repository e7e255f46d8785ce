"""Which of several processes this one is, as torchrun or Slurm's srun says in the environment.

Slurm's variables count only where srun has started several tasks: a server within an allocation
has them, too, and its jobs are processes of their own.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

SLURM_TASKS, SLURM_NODES = "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """The processes that work together, and this one's number among them."""

    rank: int = 0
    """Number of this process, from 0; the first writes files, events and output."""

    world_size: int = 1
    """Number of processes."""

    per_node: int = 1
    """Processes of a node."""

    num_nodes: int = 1
    by_slurm: bool = False
    """Whether srun has started them, and not torchrun."""

    @property
    def is_first(self) -> bool:
        """Whether this is the only process or the first."""
        return self.rank == 0


def read_ranks(environment: Mapping[str, str] = os.environ) -> Ranks:
    """Return what the environment says; torchrun, which srun may have started, comes first."""
    if "RANK" in environment:
        return Ranks(
            rank=int(environment["RANK"]),
            world_size=int(environment.get("WORLD_SIZE", "1")),
            per_node=int(environment.get("LOCAL_WORLD_SIZE", "1")),
            num_nodes=int(environment.get("GROUP_WORLD_SIZE", "1")),
        )
    tasks = int(environment.get(SLURM_TASKS, "1"))
    if tasks == 1:
        return Ranks()
    nodes = int(environment.get(SLURM_NODES, "1"))
    return Ranks(
        rank=int(environment["SLURM_PROCID"]),
        world_size=tasks,
        per_node=tasks // nodes,
        num_nodes=nodes,
        by_slurm=True,
    )
