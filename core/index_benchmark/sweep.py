"""Sweeps: recall, latency and size of several indexes of the same embeddings, as an artifact."""

from dataclasses import asdict, dataclass

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import DamagedArtifactError, WorkbenchError
from core.index_benchmark.config import SweepConfig
from core.index_benchmark.measure import build_candidate, efforts, point_of
from core.index_benchmark.points import POINTS, Point, read_points, write_points
from core.index_benchmark.queries import BenchmarkQueries, make_benchmark_queries
from core.indexes.config import IndexConfig
from core.progress import Progress, Stop, Work, run_part
from core.workspace import Workspace

ENOUGH = 0.999
"""Recall@10 above which more effort only takes more time."""

WORTH_IT = 0.001
"""Gain in recall@10 below which the codes limit it, not the effort."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep, read from disk."""

    manifest: Manifest
    points: list[Point]


def sweep(workspace: Workspace, embeddings_id: str, config: SweepConfig) -> Work[Manifest]:
    """Build indexes of embeddings in memory, measure each at several efforts, and save the figures.

    An index that needs more images is skipped; the summary has the reason under `skipped`. A stop
    saves the points measured so far.

    Raises:
        MissingError: The embeddings or their dataset are gone.
        WorkbenchError: None of the indexes could be built.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    benchmark = yield from make_benchmark_queries(
        workspace, embeddings_id, config.num_queries, config.seed
    )
    points: list[Point] = []
    skipped: dict[str, str] = {}
    try:
        yield from _measure_all(embeddings, benchmark, config, points, skipped)
    except Stop:
        if not points:
            raise
    if not points:
        raise WorkbenchError(
            f"None of these indexes can be built: {next(iter(skipped.values()))}",
            "Choose other kinds, or embed more images.",
        )
    source = embeddings.manifest
    with draft(workspace.sweeps) as folder:
        write_points(points, folder)
        return publish(
            folder,
            kind="sweep",
            stem=f"{source.id[:70]}-sweep",
            config=asdict(config),
            made_from=source.as_source,
            summary={
                "count": len(embeddings.image_ids),
                "dimension": int(embeddings.vectors.shape[1]),
                "num_points": len(points),
                "num_queries": points[0].measured.num_queries,
                "skipped": skipped,
            },
        )


def open_sweep(workspace: Workspace, sweep_id: str) -> Sweep:
    """Read a sweep, after verifying its checksums.

    Raises:
        MissingError: There is no such sweep.
        DamagedArtifactError: A file was changed.
    """
    manifest = open_artifact(workspace.sweeps, sweep_id)
    try:
        return Sweep(manifest, read_points(workspace.sweeps / sweep_id))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DamagedArtifactError(
            f"{sweep_id}/{POINTS} is damaged.", "Delete this benchmark and run it again."
        ) from error


def _measure_all(
    embeddings: Embeddings,
    benchmark: BenchmarkQueries,
    config: SweepConfig,
    points: list[Point],
    skipped: dict[str, str],
) -> Work[None]:
    dimension = embeddings.vectors.shape[1]
    configs = [
        base.with_parameters(parameters)
        for base in config.bases()
        for parameters in base.entry.variants(dimension)
    ]
    for number, variant in enumerate(configs):
        name = variant.factory or variant.kind.upper()
        work = _measure_one(embeddings, benchmark, variant, points)
        try:
            yield from run_part(work, number, len(configs), name)
        except WorkbenchError as error:
            skipped[name] = str(error)


def _measure_one(
    embeddings: Embeddings, benchmark: BenchmarkQueries, config: IndexConfig, points: list[Point]
) -> Work[None]:
    candidate = yield from build_candidate(embeddings.vectors, embeddings.image_ids, config)
    before = -1.0
    for effort in efforts(candidate.store):
        point = yield from point_of(candidate, benchmark, effort)
        points.append(point)
        latency = point.measured.latency_ms[50]
        yield Progress(0, 0, f"recall {point.recall:.3f} in {latency:.2f} ms, {point.name}")
        if point.recall >= ENOUGH or point.recall < before + WORTH_IT:
            return
        before = point.recall
