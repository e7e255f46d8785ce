"""Address of the Milvus server: from the environment, else from Streamlit's secrets file.

Jobs are processes without Streamlit, so the file is read here.
"""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import WorkbenchError
from core.workspace import PROJECT

URI, TOKEN = "WORKBENCH_MILVUS_URI", "WORKBENCH_MILVUS_TOKEN"
SECRETS = PROJECT / ".streamlit" / "secrets.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class MilvusAddress:
    """Address and credentials of a Milvus server.

    Raises:
        WorkbenchError: The address is not that of a server.
    """

    uri: str = field(repr=False)
    """Such as http://milvus.example:19530; never shown, as it may contain a password."""

    token: str = field(default="", repr=False)
    """user:password or an API key; empty if the server needs none. Never shown or saved."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.uri)
            is_server = parts.scheme in ("http", "https") and bool(parts.hostname and parts.port)
        except ValueError:  # Invalid port
            is_server = False
        if not is_server:
            raise WorkbenchError(
                f"{URI} is no address of a Milvus server.",
                "Write it as http://HOST:19530, or with https.",
            )

    @property
    def shown(self) -> str:
        """Return host and port, which are no secret."""
        parts = urlsplit(self.uri)
        return f"{parts.hostname}:{parts.port}"


def milvus_address(secrets: Path | None = None) -> MilvusAddress | None:
    """Return the configured Milvus server, or None if there is none.

    Args:
        secrets: File to read if the environment names no server; None for Streamlit's.

    Raises:
        WorkbenchError: The file is not TOML, or its address is invalid.
    """
    if uri := os.environ.get(URI):
        return MilvusAddress(uri=uri, token=os.environ.get(TOKEN, ""))
    secrets = secrets or SECRETS
    try:
        content = tomllib.loads(secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # Not UTF-8 and not TOML are both ValueError
        raise WorkbenchError(
            f"{secrets.name} cannot be read.", f"Correct {secrets.parent.name}/{secrets.name}."
        ) from error
    uri, token = content.get(URI, ""), content.get(TOKEN, "")
    if not isinstance(uri, str) or not isinstance(token, str):
        raise WorkbenchError(
            f"{URI} and {TOKEN} must be text.", f"Put quotes around them in {secrets.name}."
        )
    return MilvusAddress(uri=uri, token=token) if uri else None


def needed_address() -> MilvusAddress:
    """Return the configured Milvus server.

    Raises:
        WorkbenchError: There is none; the message says where to configure it.
    """
    address = milvus_address()
    if address is None:
        raise WorkbenchError(
            "No Milvus server is configured.",
            f"Set {URI}, and {TOKEN} if needed, in the environment or in "
            f"{SECRETS.parent.name}/{SECRETS.name}.",
        )
    return address
