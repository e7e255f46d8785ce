"""Addresses of folders of images in object storage and on web servers, and which are allowed.

An address is `s3://bucket/prefix`, `https://host/folder/` (a page that lists its files) or
`https://host/folder/list.txt` (a list of files). It never holds credentials.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from core.errors import WorkbenchError
from core.net.hosts import is_loopback

ROOTS_VARIABLE = "WORKBENCH_REMOTE_ROOTS"
"""Environment variable with the addresses that may be read, and what is below them, separated by
spaces. Without it any may be; where it is empty, none. A server that others reach sets it to empty.
"""

S3, HTTPS, HTTP = "s3", "https", "http"
LIST_SUFFIXES = (".txt", ".csv")
"""Suffixes of lists of files."""

MAX_LENGTH = 1000
SCHEME = re.compile(r"(s3|https?)://", re.I)
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:[0-9]{1,5})?")
UNQUOTED = "/!$&'()*+,;=:@-._~"
"""Characters of a path that are sent as they are."""


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address of images rather than as a path."""
    return SCHEME.match(text.strip()) is not None


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """Address of a folder of images."""

    scheme: str
    """`S3`, `HTTPS`, or for this machine's own web servers `HTTP`."""

    host: str
    """The bucket, or the host with its port if there is one."""

    path: str
    """Path of the folder or the list, decoded, without slashes around it."""

    is_list: bool = False
    """Whether it is a list of files."""

    def __str__(self) -> str:
        """Return it as it is typed."""
        if self.scheme == S3:
            return f"s3://{self.host}/{self.path}".rstrip("/")
        path = quote(self.path, safe=UNQUOTED)
        return f"{self.scheme}://{self.host}/{path}{'' if self.is_list or not path else '/'}"

    @property
    def folder(self) -> str:
        """Path of the folder that the files are below, without slashes around it."""
        return self.path.rpartition("/")[0] if self.is_list else self.path

    def location(self, path: str) -> str:
        """Return where a file is, as fsspec takes it: URL, or bucket and key.

        Args:
            path: Path of the file relative to the folder, empty for the folder itself.
        """
        inside = f"{self.folder}/{path}".lstrip("/")
        if self.scheme == S3:
            return f"{self.host}/{inside}"
        return f"{self.scheme}://{self.host}/{quote(inside, safe=UNQUOTED)}"

    def shown(self, path: str) -> str:
        """Return the address of a file as users read it."""
        return f"s3://{self.location(path)}" if self.scheme == S3 else self.location(path)


def parse_address(text: str) -> RemoteAddress:
    """Return the address that a text is.

    Raises:
        WorkbenchError: It is none, or holds credentials.
    """
    text = text.strip()
    scheme, _, rest = text.partition("://")
    scheme, (host, _, path) = scheme.lower(), rest.partition("/")
    _refuse_credentials(text, host)
    if not is_address(text) or len(text) > MAX_LENGTH or not text.isprintable():
        raise _invalid(text, "Use s3://bucket/prefix or https://host/folder/.")
    if scheme == S3:
        if not BUCKET.fullmatch(host):
            raise _invalid(text, "Check the name of the bucket.")
        address = RemoteAddress(S3, host, _clean(path, text))
    else:
        host = host.lower()
        is_list = path.lower().endswith(LIST_SUFFIXES)
        address = RemoteAddress(scheme, host, _clean(unquote(path), text), is_list)
        _check_host(address, text)
    return address


def check_source(text: str) -> None:
    """Check a text that names a folder or an address, before it is stored or passed on.

    Raises:
        WorkbenchError: It is an address that holds credentials, is invalid or not allowed.
    """
    if is_address(text):
        check_allowed(parse_address(text))


def check_allowed(address: RemoteAddress) -> None:
    """Check an address against those that the environment of this process allows.

    Raises:
        WorkbenchError: It is not allowed.
    """
    stated = os.environ.get(ROOTS_VARIABLE)
    if stated is None:
        return
    shown = str(address).rstrip("/")
    allowed = (each.rstrip("/") for each in stated.split())
    if not any(shown == each or shown.startswith(f"{each}/") for each in allowed):
        raise WorkbenchError(
            f"This server does not read images from {address}.",
            f"Ask its administrator to add the address to {ROOTS_VARIABLE}.",
        )


def _refuse_credentials(text: str, host: str) -> None:
    """Raise an error that does not repeat them if an address may hold credentials."""
    if "@" in host:
        raise WorkbenchError(
            "The address has a user name or password in it.",
            "Remove them; credentials come from the environment or from AWS’s own files.",
        )
    if "?" in text or "#" in text:
        raise WorkbenchError(
            f"The address at {host[:80].partition('?')[0]} has a part after “?” or “#”, such as a "
            "signature.",
            "Use the address without it; credentials come from the environment or from AWS’s own "
            "files.",
        )


def _check_host(address: RemoteAddress, text: str) -> None:
    try:
        name, port = urlsplit(f"//{address.host}").hostname, urlsplit(f"//{address.host}").port
    except ValueError:  # Brackets that do not close, a port that is too large
        name, port = None, None
    if not name or port == 0 or not HOST.fullmatch(address.host):
        raise _invalid(text, "Check the name of the host.")
    if address.scheme == HTTP and not is_loopback(name):
        raise WorkbenchError(
            f"{name} would be read without encryption.", "Use an address that begins with https://."
        )
    names = address.folder.lower().split("/")
    if address.is_list and any(each.endswith(LIST_SUFFIXES) for each in names):
        raise _invalid(text, "Use a list in a folder whose name does not end like that of a list.")


def _clean(path: str, text: str) -> str:
    path = path.strip("/")
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise _invalid(text, "Remove “.”, “..” and doubled slashes from it.")
    if "\0" in path:
        raise _invalid(text, "Check the address.")
    return path


def _invalid(text: str, advice: str) -> WorkbenchError:
    return WorkbenchError(f"“{text[:80]}” cannot be used as an address of images.", advice)
