from core.jobs.ranks import Ranks, read_ranks

SLURM = {
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_PROCID": "5",
    "SLURM_NTASKS": "8",
}


def test_a_process_alone_is_the_first() -> None:
    assert read_ranks({}) == Ranks(rank=0, world_size=1, per_node=1, num_nodes=1)
    assert read_ranks({}).is_first


def test_torchruns_variables_are_read() -> None:
    torchrun = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"}
    ranks = read_ranks(torchrun)
    assert ranks == Ranks(rank=3, world_size=4, per_node=2, num_nodes=2)
    assert not ranks.is_first


def test_sruns_variables_are_read() -> None:
    assert read_ranks(SLURM) == Ranks(rank=5, world_size=8, per_node=4, num_nodes=2, by_slurm=True)


def test_torchrun_within_srun_counts() -> None:
    assert read_ranks(SLURM | {"RANK": "0", "WORLD_SIZE": "16"}).world_size == 16


def test_a_process_in_an_allocation_is_alone() -> None:
    """A batch script has the tasks of its job, but is no task of a step."""
    assert read_ranks({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) == Ranks()
    assert read_ranks({"SLURM_NTASKS": "1", "SLURM_STEP_NUM_TASKS": "1"}) == Ranks()
