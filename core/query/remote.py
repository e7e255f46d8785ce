"""Query images by URL."""

import re
from io import BytesIO

from core.errors import DownloadError, UnreadableImageError
from core.images.isolation import check_image
from core.net.public_fetch import Fetched, fetch_public
from core.query.query import MAX_IMAGE_MB

WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype html|html|head)", re.I | re.S)


def fetch_query_image(url: str) -> Fetched:
    """Download an image to search by from a public address.

    Raises:
        DownloadError: It cannot be downloaded (see `fetch_public`), or is a web page.
        UnreadableImageError: It is no image, or a damaged one.
    """
    fetched = fetch_public(url, MAX_IMAGE_MB << 20)
    try:
        check_image(BytesIO(fetched.content), name=fetched.name)
    except UnreadableImageError as error:
        if WEB_PAGE.match(fetched.content[:1024]):
            raise DownloadError(
                "The address leads to a web page, not to an image.",
                "Copy the address of the image itself, or the image.",
            ) from error
        raise
    return fetched
