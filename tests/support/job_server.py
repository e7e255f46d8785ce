"""A process that has imported what jobs need, and forks itself for each: `python -m` this module.

Networks are small. It reads requests from stdin and answers each on stdout, a JSON a line:
`{"arguments": […], "log": "…"}` with the id of the process, `{"poll": id}` with its exit status or
null. It ends with its input.
"""

import gc
import json
import os
import sys
from typing import NoReturn

import torch.utils.tensorboard  # noqa: F401 - imported for jobs, as what follows

import core.embeddings.embed
import core.evaluation.evaluate
import core.indexes.files
import core.models.importing
import core.models.torch_export
import core.training.train  # noqa: F401
from core.cli import main
from core.models.backbones import BACKBONES
from tests.factories.small_backbones import small_backbones


def serve() -> None:
    """Answer requests until there are no more."""
    gc.freeze()  # Collections in the forks would copy all of it
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            process, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if process else None
        else:
            answer = os.fork() or _run(request["arguments"], request["log"])
        print(json.dumps(answer), flush=True)


def _run(arguments: list[str], log: str) -> NoReturn:
    """Be a job: in a session of its own, with its output in a file."""
    os.setsid()
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        path = log if number else os.devnull
        os.dup2(os.open(path, flags | os.O_CREAT | os.O_APPEND), number)
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse's way out
        status = int(end.code or 0)
    sys.stdout.flush()
    os._exit(status)  # Without a second of taking apart what was imported


if __name__ == "__main__":
    with small_backbones(list(BACKBONES)):
        serve()
