"""Asking a Milvus server: once, or with patience while it is away; its errors become sentences.

pymilvus is imported when a server is first asked: it is only in requirements-scale.txt.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from core.errors import WorkbenchError
from core.indexes.milvus.address import MilvusAddress
from core.jobs.background import run_in_thread
from core.progress import Progress, T, Work

TIMEOUT_S = 30.0
"""For one call; what takes longer is asked for and then looked after."""

RETRY_FOR_S = 120.0
"""How long a server may be away: one that was killed was seen to answer again after 40 s."""

ODD_S = 30.0
"""How long what is no known error is asked again: a server that is coming up says odd things."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
REPORT_EVERY_S = 0.2

GONE = 100
NOT_LOADED = 101
UNKNOWN = 65535
AWAY = frozenset(
    {1, 2, 4, 8, NOT_LOADED, 400, 401, 500, 501, 503, 504, 600, 601, 602, 603, 901, 902, 903, 904}
)
"""Codes of Milvus (pkg/merr/errors.go) for a service, replica, channel, segment or node that is not
there yet or not any more, and for too many requests."""

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")
"""Names of gRPC's codes by which a server refuses a token."""


class ServerUnavailableError(WorkbenchError):
    """The server does not answer, or not yet; the same call may succeed later."""


class UnexpectedResponseError(WorkbenchError):
    """The server answered with an error that has no code of its own."""


class CollectionGoneError(WorkbenchError):
    """The server does not have the collection of an index any more."""


class NotLoadedError(ServerUnavailableError):
    """The server has the collection, but not in memory."""


def call(address: MilvusAddress, question: Callable[[Any], T]) -> T:
    """Ask a server once.

    Args:
        address: Which.
        question: Is given pymilvus's client.

    Raises:
        ServerUnavailableError: It does not answer.
        CollectionGoneError: It does not have the collection.
        WorkbenchError: pymilvus is not installed, the token is refused, or something else is wrong.
    """
    client_type, error_type, rpc_error_type = _pymilvus()
    try:
        return question(_client(client_type, address))
    except (error_type, rpc_error_type) as error:
        raise _translated(error, address) from error


def call_with_retries(
    address: MilvusAddress, question: Callable[[Any], T], note: str, *, long: bool = False
) -> Work[T]:
    """Ask a server, and again with growing pauses while it is away; say so meanwhile.

    Args:
        address: Which.
        question: Must be safe to repeat: the server may have done it, and only its answer was lost.
        note: What is being done.
        long: The call takes a while by itself, so it is waited for beside.

    Raises:
        WorkbenchError: As `call`, a server that is away only after `RETRY_FOR_S`.
    """
    started, pause = time.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            if long:
                return (yield from run_in_thread(lambda: call(address, question), note))
            return call(address, question)
        except (ServerUnavailableError, UnexpectedResponseError) as error:
            passed = time.monotonic() - started
            if passed > (ODD_S if isinstance(error, UnexpectedResponseError) else RETRY_FOR_S):
                raise
        until = time.monotonic() + pause
        while time.monotonic() < until:
            waited = time.monotonic() - started
            yield Progress(0, 0, f"{note}: waiting for the Milvus server, {waited:.0f} s")
            time.sleep(REPORT_EVERY_S)
        pause = min(2 * pause, LONGEST_PAUSE_S)


@functools.cache
def _pymilvus() -> tuple[Any, type[Exception], type[Exception]]:
    try:
        import grpc
        from pymilvus import MilvusClient, MilvusException
    except ImportError as error:
        raise WorkbenchError(
            "The package pymilvus is not installed, which talks to Milvus.",
            "Install it: pip install -r requirements-scale.txt",
        ) from error
    # It prints the traceback of each error, also of those that are tried again
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
    return MilvusClient, MilvusException, grpc.RpcError


@functools.lru_cache(maxsize=4)
def _client(client_type: Any, address: MilvusAddress) -> Any:
    """Return the one client of this process for a server; threads may share it."""
    return client_type(uri=address.uri, token=address.token, timeout=TIMEOUT_S)


def _translated(error: Any, address: MilvusAddress) -> WorkbenchError:
    """Return what an error of pymilvus or gRPC means to a person."""
    code = _code_of(error)
    name = getattr(code, "name", "")  # gRPC's codes have names, Milvus's are numbers
    server = f"The Milvus server at {address.shown}"
    if any(getattr(_code_of(cause), "name", "") in REFUSALS for cause in _causes(error)):
        return WorkbenchError(
            f"{server} refuses the token.", "Correct WORKBENCH_MILVUS_TOKEN, then try again."
        )
    if code == GONE:
        return CollectionGoneError(
            f"{server} does not have this index any more.",
            "Build it again: the embeddings on the disk have all that it takes.",
        )
    if code == NOT_LOADED:
        return NotLoadedError(f"{server} has not loaded this index yet.", "Try again in a minute.")
    if name or code in AWAY or getattr(error, "retriable", False):
        return ServerUnavailableError(
            f"{server} does not answer.",
            "See that it runs and can be reached from here, then try again.",
        )
    said = " ".join(str(getattr(error, "message", "")).split())[:200]
    kind = UnexpectedResponseError if code in (1, UNKNOWN) else WorkbenchError
    return kind(f"{server} answers with an error: {said}.", "Its own log has the details.")


def _code_of(error: Any) -> Any:
    code = getattr(error, "code", None)
    return code() if callable(code) else code


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it: pymilvus says of a refused token that it cannot connect.

    It raises errors from themselves, so the chain may be a circle.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__context__ if error.__cause__ in (None, error) else error.__cause__
