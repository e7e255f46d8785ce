"""Connection to a Ray cluster, and Ray's errors as sentences.

Ray is imported when it is needed: it is only in requirements-scale.txt.
"""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.embeddings.engine import ADDRESS_FORM, RAY_ADDRESS, is_ray_address, is_ray_installed
from core.errors import WorkbenchError

DEFAULTS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""Variables of Ray: no usage statistics, and no other environment for workers."""

CONNECT_S = 10.0
NOT_A_HOST = ("", "auto", "local")


def connect(address: str) -> Any:
    """Connect this process to a cluster, and return the module ray.

    Args:
        address: As in `EngineConfig`.

    Raises:
        WorkbenchError: Ray is not installed, or the cluster does not answer or refuses the token.
    """
    address = address or os.environ.get(RAY_ADDRESS, "")
    if address and not is_ray_address(address):
        raise WorkbenchError(
            f"{RAY_ADDRESS} is no address of a Ray cluster.", f"Set it to {ADDRESS_FORM}."
        )
    if not is_ray_installed():
        raise WorkbenchError(
            "The package ray is not installed.",
            "Install it: pip install -r requirements-scale.txt",
        )
    if address not in NOT_A_HOST:
        _check_reachable(address)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    import ray
    from ray.exceptions import AuthenticationError

    where = f"The Ray cluster at {address}" if address else "Ray"
    try:
        with _signals_kept():
            ray.init(
                address=address or None,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
    except AuthenticationError as error:
        raise _refused(where) from error
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise (_refused(where) if _is_refusal(error) else _unusable(where, error)) from error
    return ray


def get(ray: Any, reference: Any) -> Any:
    """Return the result of a task.

    Raises:
        WorkbenchError: It raised one, or its workers died too often.
        Exception: Whatever else it raised, from Ray's error with the worker's traceback.
    """
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
    except RayError as error:
        raise WorkbenchError(
            f"Ray gave up on some images, as their workers ended several times "
            f"({type(error).__name__}).",
            "See the logs of the nodes, then embed again; images embedded so far are kept.",
        ) from error


def _check_reachable(address: str) -> None:
    """Raise an error if nothing listens at HOST:PORT; Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise WorkbenchError(
            f"The Ray cluster at {address} does not answer.",
            "Check the address, that its head node runs, and that this machine can reach it.",
        ) from error


def _is_refusal(error: Exception) -> bool:
    """Return whether Ray cannot connect because of a wrong token.

    Ray 2.60 raises `ConnectionError` then; only the message of its cause names the reason.
    """
    return "InvalidAuthToken" in f"{error} {error.__cause__ or error.__context__}"


def _refused(where: str) -> WorkbenchError:
    return WorkbenchError(
        f"{where} refuses the token.",
        "Set RAY_AUTH_MODE=token and the cluster's RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.",
    )


def _unusable(where: str, error: Exception) -> WorkbenchError:
    """Return Ray's own reason in one line: other versions, or no node of it on this machine."""
    reason = " ".join(str(error).split())[:300].rstrip(".")
    return WorkbenchError(f"{where} cannot be used: {reason}.", "Correct that, then try again.")


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray replaces, and a stopped job's own Ray running.

    The signal goes to all processes of the job; those that start meanwhile inherit that it is
    blocked, and `ray.shutdown` ends them. One that comes meanwhile is handled afterwards.
    """
    before = signal.getsignal(signal.SIGTERM)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is not before:
            signal.signal(signal.SIGTERM, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
