"""The verbs of the headless command: what each takes, does and says."""

import argparse
from pathlib import Path

from core.commands import (
    batches,
    bringing,
    datasets,
    finding,
    indexes,
    lab,
    making,
    mapping,
    measuring,
    models,
    using,
)

COMMANDS = {
    "scan": bringing.SCAN,
    "unzip": bringing.UNZIP,
    "draw": bringing.DRAW,
    "download": bringing.DOWNLOAD,
    "rescan": datasets.RESCAN,
    "add": datasets.ADD,
    "relink": datasets.RELINK,
    "check": datasets.CHECK,
    "export": datasets.EXPORT,
    "train": making.TRAIN,
    "resume": making.RESUME,
    "estimate": making.ESTIMATE,
    "fit-trunk": models.FIT_TRUNK,
    "embed": making.EMBED,
    "index": making.INDEX,
    "update-index": making.UPDATE,
    "sweep": lab.SWEEP,
    "advise": lab.ADVISE,
    "measure": lab.MEASURE,
    "map": mapping.MAP,
    "map-epochs": mapping.MAP_EPOCHS,
    "find": finding.FIND,
    "list-found": finding.LIST_FOUND,
    "export-model": models.EXPORT_MODEL,
    "import-model": models.IMPORT_MODEL,
    "export-index": indexes.EXPORT_INDEX,
    "open-bundle": indexes.OPEN_BUNDLE,
    "query": using.QUERY,
    "query-batch": batches.QUERY_BATCH,
    "evaluate": measuring.EVALUATE,
    "baseline": measuring.BASELINE,
    "jobs": using.JOBS,
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Image retrieval, headless."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, command in COMMANDS.items():
        verb = verbs.add_parser(name, help=command.help, description=command.help)
        verb.add_argument("--home", type=Path, help="the workspace (else $WORKBENCH_HOME)")
        verb.add_argument("--json", action="store_true", help="print the result as one JSON object")
        verb.add_argument("--events", type=Path, help=argparse.SUPPRESS)
        command.configure(verb)
    return parser
