"""Addresses of images: what is one, what is refused, and which this process may read."""

import pytest

from core.errors import WorkbenchError
from core.net.remote_address import (
    ROOTS_VARIABLE,
    check_allowed,
    check_source,
    is_address,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        (" s3://bucket/a/b/ ", "s3://bucket/a/b"),
        ("S3://my.bucket-1/a b/ü%2F", "s3://my.bucket-1/a b/ü%2F"),  # A key is no URL
        ("https://Example.org", "https://example.org/"),
        ("https://example.org/a%20b/ü", "https://example.org/a%20b/%C3%BC/"),
        ("https://example.org:8443/list.TXT", "https://example.org:8443/list.TXT"),
        ("http://127.0.0.1:8000/x.csv", "http://127.0.0.1:8000/x.csv"),
        ("http://[::1]:80/x/", "http://[::1]:80/x/"),
        ("http://localhost/x/", "http://localhost/x/"),
    ],
)
def test_an_address_is_shown_as_it_is_typed(text: str, shown: str) -> None:
    address = parse_address(text)
    assert str(address) == shown
    assert parse_address(shown) == address


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://me:pw-1@example.org/a/", "has a user name or password in it"),
        ("s3://AKIAX:pw-1@bucket/a", "has a user name or password in it"),
        ("https://example.org/a/?X-Amz-Signature=pw-1", "such as a signature"),
        ("https://example.org?pw-1", "The address at example.org has a part"),
        ("s3://bucket/a?pw-1", "such as a signature"),
        ("https://example.org/#pw-1", "such as a signature"),
        ("http://example.org/a/", "read without encryption"),
        ("http://10.0.0.1/a/", "read without encryption"),
        ("http://127.0.0.1.example.org/", "read without encryption"),
        ("s3://B/a", "name of the bucket"),
        ("s3:///a", "name of the bucket"),
        ("s3://bucket/a//b", "doubled slashes"),
        ("s3://bucket/../b", "doubled slashes"),
        ("https://example.org/%2e%2e/b", "doubled slashes"),
        ("https:///a", "name of the host"),
        ("https://example.org:0/a", "name of the host"),
        ("https://example.org:99999/a", "name of the host"),
        ("https://[::1/a", "name of the host"),
        ("https://exa mple.org/a", "name of the host"),
        ("https://example.org/lists.txt/a.csv", "does not end like that of a list"),
        ("s3://bucket/a\nb", "cannot be used as an address"),
        ("s3://bucket/" + "a" * 1000, "cannot be used as an address"),
        ("ftp://example.org/a", "cannot be used as an address"),
    ],
)
def test_other_addresses_are_refused_without_repeating_secrets(text: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError, match=sentence) as refused:
        parse_address(text)
    assert "pw-1" not in str(refused.value)


@pytest.mark.parametrize("text", ["/data/images", "data", "s3:/bucket", "", "ftp://x/", "C:\\x"])
def test_paths_are_no_addresses(text: str) -> None:
    assert not is_address(text)
    check_source(text)


@pytest.mark.parametrize(
    ("stated", "is_allowed"),
    [
        (None, True),
        ("", False),
        ("s3://bucket/a", True),
        ("s3://bucket/", True),
        ("https://example.org/ s3://bucket", True),
        ("s3://bucket/a/b/c", False),
        ("s3://bucket/a/bb", False),
        ("s3://buck", False),
        ("https://bucket/a", False),
    ],
)
def test_the_administrator_says_which_addresses_are_read(
    monkeypatch: pytest.MonkeyPatch, stated: str | None, is_allowed: bool
) -> None:
    monkeypatch.delenv(ROOTS_VARIABLE, raising=False)
    if stated is not None:
        monkeypatch.setenv(ROOTS_VARIABLE, stated)
    address = parse_address("s3://bucket/a/b")
    if is_allowed:
        check_allowed(address)
        check_source(str(address))
        return
    with pytest.raises(WorkbenchError, match=f"add the address to {ROOTS_VARIABLE}"):
        check_allowed(address)
    with pytest.raises(WorkbenchError, match="This server does not read images from s3://bucket"):
        check_source(str(address))
