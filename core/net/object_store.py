"""Reading of objects in S3-compatible storage and on web servers, by fsspec.

Credentials and the endpoint are those of the environment and of AWS's own files. Redirects of web
servers are not followed, so that none leads to an address that nobody chose.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from core.errors import DownloadError
from core.net.object_errors import StatusError, StoreError, TooLargeError, explain, no_package
from core.net.remote_address import S3, RemoteAddress, check_allowed

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
"""Longest time to connect, and to wait for more of an object."""

ATTEMPTS = 2
"""Requests until a server counts as away."""

PAUSE_SECONDS = 0.5
"""Time between them."""

CONNECTIONS = 64
"""Most connections to a store at once."""

AWAY_SECONDS = 15.0
"""Time for which a server that is away is not asked again: a page has dozens of images."""

PREFIX = "AWS_"
"""How the environment variables that S3's clients read begin."""

T = TypeVar("T")

_away: dict[tuple[str, str], tuple[float, StoreError]] = {}
"""Server → until when it is not asked, and why."""


def ask(address: RemoteAddress, shown: str, request: Callable[[Any], T]) -> T:
    """Return what a request to the store of an address returns; its errors become sentences.

    Args:
        address: The folder that is read.
        shown: What is read, in error messages.
        request: Function of fsspec's file system.

    Raises:
        WorkbenchError: The address is not allowed.
        ObjectError: What is read is not there, or not permitted.
        StoreError: The server is away, refuses the credentials, or a package is missing.
    """
    check_allowed(address)
    server = (address.scheme, address.host)
    until, known = _away.get(server, (0.0, None))
    if known is not None and time.monotonic() < until:
        raise known
    failures = _failures(address)
    for attempt in range(ATTEMPTS):
        try:
            answer = request(_store(address))
        except failures as error:
            explained = explain(error, address, shown)
            is_last = attempt + 1 == ATTEMPTS or address.scheme == S3  # Which repeats by itself
            if isinstance(explained, StoreError) and not is_last:
                time.sleep(PAUSE_SECONDS)
                continue
            _remember(server, explained)
            raise explained from error
        _away.pop(server, None)
        return answer
    raise AssertionError  # Not reached


def fetch(address: RemoteAddress, path: str, target: Path, max_bytes: int) -> None:
    """Write an object into a file.

    Args:
        address: The folder of the object.
        path: Its path relative to that.
        target: The file; what is there of it after an error is of no use.
        max_bytes: Largest object.

    Raises:
        WorkbenchError, ObjectError, StoreError: As `ask`.
    """
    location = address.location(path)

    def get(store: Any) -> None:
        store.get_file(location, str(target), callback=_limit(max_bytes))

    ask(address, address.shown(path), get)


def _remember(server: tuple[str, str], error: DownloadError) -> None:
    """Do not ask a server that is away for a while; read the credentials again after that."""
    if isinstance(error, StoreError):
        _away[server] = (time.monotonic() + AWAY_SECONDS, error)
        _s3_store.cache_clear()


def _limit(max_bytes: int) -> Any:
    """Return a callback of fsspec that ends a download that is too large."""
    from fsspec.callbacks import Callback

    class Limit(Callback):  # type: ignore[misc]  # fsspec has no types
        def set_size(self, size: int | None) -> None:
            super().set_size(size)
            if (size or 0) > max_bytes:
                raise TooLargeError

        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if self.value > max_bytes:
                raise TooLargeError

    return Limit()


def _store(address: RemoteAddress) -> Any:
    with _packages(address):
        if address.scheme == S3:
            environment = {k: v for k, v in os.environ.items() if k.startswith(PREFIX)}
            return _s3_store(tuple(sorted(environment.items())))
        return _web_store()


@contextmanager
def _packages(address: RemoteAddress) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise no_package(address) from error


def _failures(address: RemoteAddress) -> tuple[type[Exception], ...]:
    """Return the exceptions of a store's requests."""
    with _packages(address):
        aiohttp = importlib.import_module("aiohttp")
        if address.scheme != S3:
            return (OSError, aiohttp.ClientError)
        botocore = importlib.import_module("botocore.exceptions")
        return (OSError, aiohttp.ClientError, botocore.BotoCoreError, botocore.ClientError)


@lru_cache(maxsize=4)
def _s3_store(environment: tuple[tuple[str, str], ...]) -> Any:
    """Return S3's file system, without signatures if there are no credentials at all."""
    del environment  # The key: it has other credentials, or another endpoint
    from botocore.session import Session
    from s3fs import S3FileSystem

    store = S3FileSystem(
        anon=Session().get_credentials() is None,
        config_kwargs={
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "max_pool_connections": CONNECTIONS,
            "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    store.retries = ATTEMPTS
    return store


@lru_cache(maxsize=1)
def _web_store() -> Any:
    """Return the file system of web servers."""
    import aiohttp
    from fsspec.implementations.http import HTTPFileSystem

    return HTTPFileSystem(
        encoded=True,
        allow_redirects=False,
        client_kwargs={
            "timeout": aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
            ),
            "raise_for_status": _check_status,
            "auto_decompress": False,
        },
        headers={"Accept-Encoding": "identity"},
        skip_instance_cache=True,
    )


async def _check_status(response: Any) -> None:
    if response.status != 200:
        raise StatusError(response.status)


if hasattr(os, "register_at_fork"):  # Connections and fsspec's thread stay in the parent
    os.register_at_fork(after_in_child=_s3_store.cache_clear)
    os.register_at_fork(after_in_child=_web_store.cache_clear)
