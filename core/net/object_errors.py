"""What went wrong at a store of objects, as sentences: one object, or the whole server."""

from core.errors import DownloadError
from core.files import FULL_DISK
from core.net.remote_address import S3, RemoteAddress

CREDENTIAL_CODES = frozenset(
    {
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
        *("RequestTimeTooSkewed", "InvalidClientTokenId", "TokenRefreshRequired"),
        "AuthorizationHeaderMalformed",
    }
)
"""S3's error codes for credentials that are wrong for every object."""

OF_CREDENTIALS = ("Credential", "Token", "Profile", "Config")
"""Words in the names of botocore's exceptions for credentials that cannot be found or read."""

SCAN_AGAIN = "Rescan the dataset."
CORRECT_CREDENTIALS = (
    "Correct the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
    "AWS_PROFILE) or in AWS’s own files."
)
CHECK_NETWORK = "Check the network and the server, then try again."


class ObjectError(DownloadError):
    """One object cannot be fetched; others may be."""


class StoreError(DownloadError):
    """A server is away, too slow, or refuses the credentials: no object can be fetched."""


class StatusError(OSError):
    """A web server answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class TooLargeError(OSError):
    """An object is larger than what is read."""


def no_package(address: RemoteAddress) -> StoreError:
    """Return the error for a package that is not installed."""
    package = "s3fs" if address.scheme == S3 else "fsspec or aiohttp"
    return StoreError(
        f"{address} cannot be read, because {package} is not installed.",
        "Install it: .venv/bin/pip install -r requirements-scale.txt",
    )


def vanished(shown: str) -> ObjectError:
    """Return the error for an object that is not there."""
    return ObjectError(f"{shown} does not exist.", SCAN_AGAIN)


def changed(shown: str) -> ObjectError:
    """Return the error for an object with other content than at the last scan."""
    return ObjectError(f"{shown} has changed since the last scan.", SCAN_AGAIN)


def explain(error: BaseException, address: RemoteAddress, shown: str) -> DownloadError:
    """Return the error that explains an exception of fsspec to users.

    Args:
        error: What was raised.
        address: The folder that was read.
        shown: The object as users read it, or the address.
    """
    code = _code_of(error)
    server = address.host if address.scheme != S3 else f"The server of s3://{address.host}"
    match error:
        case TooLargeError():
            return ObjectError(f"{shown} is larger than what is read.", "Save a smaller copy.")
        case _ if code in CREDENTIAL_CODES or code == "401":
            return StoreError(f"{server} refuses the credentials ({code}).", CORRECT_CREDENTIALS)
        case FileNotFoundError():
            if code == "NoSuchBucket":
                return StoreError(f"There is no bucket {address.host}.", "Check the address.")
            return vanished(shown)
        case PermissionError():
            return ObjectError(
                f"{shown} may not be read: the server does not permit it.",
                "Grant the permission, or check the credentials in the environment.",
            )
        case StatusError():
            return _explain_status(error.status, address, shown)
        case TimeoutError():
            return StoreError(f"{server} did not answer in time.", CHECK_NETWORK)
    return _explain_client(error, address, shown, server, code)


def _explain_client(
    error: BaseException, address: RemoteAddress, shown: str, server: str, code: str
) -> StoreError:
    """Return the error for what went wrong before there was an answer."""
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return StoreError(
            f"The disk is full: {shown} does not fit into the cache.",
            "Free disk space, or make the cache smaller with WORKBENCH_OBJECT_CACHE_GB.",
        )
    if any(word in name for word in OF_CREDENTIALS):
        return StoreError(f"There are no usable credentials for {address}.", CORRECT_CREDENTIALS)
    if "Timeout" in name:
        return StoreError(f"{server} did not answer in time.", CHECK_NETWORK)
    reason = f" ({code})" if code else ""
    return StoreError(f"{server} cannot be reached{reason}.", CHECK_NETWORK)


def _explain_status(status: int, address: RemoteAddress, shown: str) -> DownloadError:
    if status in (404, 410):
        return vanished(shown)
    if 300 <= status < 400:
        return ObjectError(
            f"{shown} leads to another address.", "Use the address that it leads to."
        )
    if status in (400, 403, 405, 406, 451):
        return ObjectError(
            f"{shown} may not be read: the server returned HTTP status {status}.",
            "Check the address.",
        )
    return StoreError(f"{address.host} returned HTTP status {status}.", "Try again later.")


def _code_of(error: BaseException) -> str:
    """Return S3's code of an error, empty if there is none."""
    cause = error if hasattr(error, "response") else error.__cause__
    response = getattr(cause, "response", None)
    details = response.get("Error", {}) if isinstance(response, dict) else {}
    return str(details.get("Code", ""))
