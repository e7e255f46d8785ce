"""What goes wrong at a store of objects becomes one sentence, of the object or of the server."""

import errno

import pytest

from core.net.object_errors import (
    ObjectError,
    StatusError,
    StoreError,
    TooLargeError,
    explain,
)
from core.net.remote_address import parse_address

BUCKET = parse_address("s3://bucket/a")
WEB = parse_address("https://example.org/a/")
SECRET = "AKIA-and-a-secret"


def with_code(error: Exception, code: str) -> Exception:
    """As s3fs translates the errors of botocore."""
    cause = Exception(SECRET)
    cause.response = {"Error": {"Code": code, "Message": SECRET}}  # type: ignore[attr-defined]
    error.__cause__ = cause
    return error


def named(name: str) -> Exception:
    """As botocore names its exceptions."""
    kind: type[Exception] = type(name, (Exception,), {})
    return kind(SECRET)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (with_code(FileNotFoundError(), "NoSuchKey"), "s3://bucket/a/x.png does not exist."),
        (with_code(PermissionError(), "AccessDenied"), "the server does not permit it"),
        (TooLargeError(), "larger than what is read"),
    ],
)
def test_errors_of_an_object(error: Exception, sentence: str) -> None:
    explained = explain(error, BUCKET, "s3://bucket/a/x.png")
    assert isinstance(explained, ObjectError)
    assert sentence in explained.problem
    assert SECRET not in str(explained)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (with_code(PermissionError(), "InvalidAccessKeyId"), "refuses the credentials"),
        (with_code(PermissionError(), "SignatureDoesNotMatch"), "refuses the credentials"),
        (with_code(PermissionError(), "ExpiredToken"), "refuses the credentials"),
        (with_code(FileNotFoundError(), "NoSuchBucket"), "There is no bucket bucket."),
        (with_code(OSError(errno.EBUSY, SECRET), "SlowDown"), "cannot be reached (SlowDown)"),
        (named("NoCredentialsError"), "no usable credentials for s3://bucket/a"),
        (named("ProfileNotFound"), "no usable credentials for s3://bucket/a"),
        (named("EndpointConnectionError"), "The server of s3://bucket cannot be reached."),
        (named("ReadTimeoutError"), "did not answer in time"),
        (TimeoutError(), "did not answer in time"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
    ],
)
def test_errors_of_a_server(error: Exception, sentence: str) -> None:
    explained = explain(error, BUCKET, "s3://bucket/a/x.png")
    assert isinstance(explained, StoreError)
    assert sentence in explained.problem
    assert SECRET not in str(explained)


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (404, ObjectError, "does not exist"),
        (410, ObjectError, "does not exist"),
        (302, ObjectError, "leads to another address"),
        (403, ObjectError, "HTTP status 403"),
        (429, StoreError, "HTTP status 429"),
        (503, StoreError, "HTTP status 503"),
    ],
)
def test_statuses_of_a_web_server(status: int, kind: type, sentence: str) -> None:
    explained = explain(StatusError(status), WEB, "https://example.org/a/x.png")
    assert isinstance(explained, kind)
    assert sentence in explained.problem
