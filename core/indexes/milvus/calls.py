"""Milvus calls with retries and translated errors.

pymilvus is imported at the first call: it is only in requirements-scale.txt.
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
"""Timeout of one call; what takes longer is started and then polled."""

RETRY_FOR_S = 120.0
"""How long a server may be unavailable: one that was killed was back after 40 s."""

ODD_S = 30.0
"""How long calls with an unknown error are retried since the server was last unavailable: one that
starts raises various errors, such as that a node is not found."""

RESTART_S = 60.0
"""How long a search waits for a server that has answered this process and does not any more."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
LONGEST_SEARCH_PAUSE_S = 2.0
REPORT_EVERY_S = 0.2

GONE = 100
NOT_LOADED = 101
UNKNOWN = 65535
AWAY = frozenset(
    {1, 2, 4, 8, NOT_LOADED, 400, 401, 500, 501, 503, 504, 600, 601, 602, 603, 901, 902, 903, 904}
)
"""Codes of Milvus (pkg/merr/errors.go) for a service, replica, channel, segment or node that is
unavailable, and for too many requests."""

AWAY_INSIDE = "node not found"
"""Text of the error 901 (a node is away) inside one without a code: of flushing after a restart."""

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")
"""gRPC codes of a refused token."""


_failing_since: dict[MilvusAddress, float | None] = {}
"""Servers that have answered this process → since when they do not, by the monotonic clock."""


class ServerUnavailableError(WorkbenchError):
    """The server is unavailable; the same call may succeed later."""


class UnexpectedResponseError(WorkbenchError):
    """The server raised an error without a specific code."""


class CollectionGoneError(WorkbenchError):
    """The server no longer has the collection of an index."""


class NotLoadedError(ServerUnavailableError):
    """The server has the collection, but has not loaded it into memory."""


def call(address: MilvusAddress, function: Callable[[Any], T]) -> T:
    """Call a server once: return the result of `function`, which takes pymilvus's client.

    Raises:
        ServerUnavailableError: The server does not answer.
        CollectionGoneError: The server does not have the collection.
        WorkbenchError: pymilvus is not installed, the token is refused, or the call failed.
    """
    client_type, error_type, rpc_error_type = _pymilvus()
    try:
        return function(_client(client_type, address))
    except (error_type, rpc_error_type) as error:
        raise _translated(error, address) from error


def call_with_retries(
    address: MilvusAddress, function: Callable[[Any], T], note: str, *, long: bool = False
) -> Work[T]:
    """Call a server, and retry with growing pauses while it is unavailable.

    Args:
        address: Which server.
        function: Takes pymilvus's client. Must be safe to repeat, as only the response of an
            earlier call may have been lost.
        note: Shown as progress.
        long: Whether the call takes long, so that it runs in a thread.

    Raises:
        WorkbenchError: As `call`; for an unavailable server only after `RETRY_FOR_S`.
    """
    started, pause = time.monotonic(), FIRST_PAUSE_S
    was_away = started
    while True:
        try:
            if long:
                return (yield from run_in_thread(lambda: call(address, function), note))
            return call(address, function)
        except ServerUnavailableError:
            was_away = time.monotonic()
            if was_away - started > RETRY_FOR_S:
                raise
        except UnexpectedResponseError:
            if time.monotonic() - was_away > ODD_S:
                raise
        until = time.monotonic() + pause
        while time.monotonic() < until:
            waited = time.monotonic() - started
            yield Progress(0, 0, f"{note}: waiting for the Milvus server, {waited:.0f} s")
            time.sleep(REPORT_EVERY_S)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def call_through_restart(address: MilvusAddress, attempt: Callable[[], T]) -> T:
    """Return the result of `attempt`, which calls a server, and wait while the server restarts.

    It is for searches, which are safe to repeat. A server that has never answered this process, or
    has been unavailable for `RESTART_S`, is called once: a page shows at once that it is away.

    Raises:
        WorkbenchError: As `call`.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            result = attempt()
        except ServerUnavailableError:
            if address not in _failing_since:
                raise
            since = _failing_since[address] or time.monotonic()
            _failing_since[address] = since
            if time.monotonic() + pause > since + RESTART_S:
                raise
        else:
            _failing_since[address] = None
            return result
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_SEARCH_PAUSE_S)


@functools.cache
def _pymilvus() -> tuple[Any, type[Exception], type[Exception]]:
    try:
        import grpc
        from pymilvus import MilvusClient, MilvusException
    except ImportError as error:
        raise WorkbenchError(
            "The package pymilvus is not installed.",
            "Install it: pip install -r requirements-scale.txt",
        ) from error
    # It logs the traceback of every error, even of calls that are retried
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
    return MilvusClient, MilvusException, grpc.RpcError


@functools.lru_cache(maxsize=4)
def _client(client_type: Any, address: MilvusAddress) -> Any:
    """Return the client of this process for a server; it is thread-safe."""
    return client_type(uri=address.uri, token=address.token, timeout=TIMEOUT_S)


def _translated(error: Any, address: MilvusAddress) -> WorkbenchError:
    """Return a readable error for one of pymilvus or gRPC."""
    code = _code_of(error)
    name = getattr(code, "name", "")  # gRPC's codes have names, Milvus's are numbers
    server = f"The Milvus server at {address.shown}"
    if any(getattr(_code_of(cause), "name", "") in REFUSALS for cause in _causes(error)):
        return WorkbenchError(
            f"{server} refuses the token.", "Correct WORKBENCH_MILVUS_TOKEN, then try again."
        )
    if code == GONE:
        return CollectionGoneError(
            f"{server} no longer has this index.",
            "Build it again from the embeddings on disk.",
        )
    if code == NOT_LOADED:
        return NotLoadedError(f"{server} has not loaded this index yet.", "Try again in a minute.")
    is_away = code in AWAY or AWAY_INSIDE in str(getattr(error, "message", ""))
    if name or is_away or getattr(error, "retriable", False):
        return ServerUnavailableError(
            f"{server} does not answer.",
            "Check that it runs and is reachable, then try again.",
        )
    message = " ".join(str(getattr(error, "message", "")).split())[:200]
    kind = UnexpectedResponseError if code in (1, UNKNOWN) else WorkbenchError
    return kind(f"{server} answers with an error: {message}.", "Check the server's log.")


def _code_of(error: Any) -> Any:
    code = getattr(error, "code", None)
    return code() if callable(code) else code


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, where pymilvus hides that a token was refused.

    It raises errors from themselves, so the chain may be circular.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__context__ if error.__cause__ in (None, error) else error.__cause__
