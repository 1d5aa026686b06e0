"""Files on the Hugging Face hub: where they are, what the hub says of them, and those it has given already.

All by the hub's own client, so that what users set for it (``HF_ENDPOINT``, ``HF_HUB_OFFLINE``, ``HF_HUB_CACHE``, ...)
holds here too; except for a token that is stored for it: all files are public, and a token tells who asks. For a mirror
that wants one there is ``FACEFUSION_HF_TOKEN``.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from facefusion_cli import __version__
from facefusion_cli.core.addresses import host_of
from facefusion_cli.core.weights.catalog import HubSource
from facefusion_cli.core.weights.faults import SourceFault, connection_fault, status_fault
from facefusion_cli.core.weights.files import sha256_of
from facefusion_cli.core.weights.stream import Request, open_session, other_size
from facefusion_cli.errors import DownloadError

if TYPE_CHECKING:
    from facefusion_cli.core.weights.catalog import Archive, Source, Weight

__all__ = ["TOKEN_VARIABLE", "address", "cached_file", "check_endpoint", "is_offline", "request_for"]

TOKEN_VARIABLE = "FACEFUSION_HF_TOKEN"  # noqa: S105, its name
_LIBRARY = "facefusion-cli"
_USER_AGENT = f"{_LIBRARY}/{__version__}"


def check_endpoint() -> None:
    """See that the hub's client can be imported: it reads ``HF_ENDPOINT`` then.

    Raises:
        DownloadError: the variable holds no address.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        parts = urlsplit(endpoint)
        parts.port  # noqa: B018, may raise
        # An @ further on ends a password that is not encoded, whose first half would be taken for the host.
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError("no address")
    except ValueError:
        raise DownloadError(
            "the variable HF_ENDPOINT does not hold the address of a server.",
            reason="network",
            hint="Correct it, or unset it.",
        ) from None  # which may quote a password


def is_offline() -> bool:
    """Whether the user wants no network at all (``HF_HUB_OFFLINE``)."""
    from huggingface_hub import is_offline_mode

    return is_offline_mode()


def address(source: Source) -> str:
    """Where the file can be had, also with a browser."""
    if not isinstance(source, HubSource):
        return source.url
    from huggingface_hub import hf_hub_url

    return hf_hub_url(source.repo_id, source.path, repo_type=source.repo_type, revision=source.revision)


def cached_file(file: Weight | Archive) -> Path | None:
    """The file as the hub client has it in its cache for other programs, if it is there and whole."""
    from huggingface_hub import try_to_load_from_cache

    for source in file.sources:
        if isinstance(source, HubSource):
            # The cache is somebody else's: what cannot be read there is not there.
            with suppress(OSError):
                found = try_to_load_from_cache(
                    source.repo_id, source.path, revision=source.revision, repo_type=source.repo_type
                )
                path = Path(found) if isinstance(found, str) else None
                if path and path.stat().st_size == file.bytes and sha256_of(path) == file.sha256:
                    return path
    return None


def request_for(source: Source, file: Weight | Archive) -> Request:
    """What to ask for to get the file.

    The hub is asked first what it has, which costs next to nothing and shows a wrong file before it is downloaded.

    Raises:
        SourceFault: it does not answer, or has another file.
    """
    url = address(source)
    if not isinstance(source, HubSource):
        return Request(url, _USER_AGENT)
    import httpx2
    from huggingface_hub import constants, get_hf_file_metadata
    from huggingface_hub.errors import HfHubHTTPError

    open_session(url)
    token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
    if token and not re.fullmatch("[!-~]+", token):
        raise SourceFault("unauthorized", f"what {TOKEN_VARIABLE} holds is no token for {host_of(url)}")
    try:
        known = get_hf_file_metadata(
            url,
            token=token or False,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            library_name=_LIBRARY,
            library_version=__version__,
        )
    except HfHubHTTPError as error:
        answer = error.response
        raise status_fault(answer.status_code, answer.headers, str(answer.url)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise connection_fault(error, url) from error
    request = Request(url, _USER_AGENT, token)
    if known.commit_hash is None:
        # Not a hub but a plain server, or a page of the network's own: the download itself will show.
        return request
    if known.size is not None and known.size != file.bytes:
        raise other_size(host_of(url), known.size, file.bytes)
    # Of files in large file storage, which weights are, the hub's tag is the SHA-256.
    if known.etag is not None and re.fullmatch("[0-9a-f]{64}", known.etag) and known.etag != file.sha256:
        raise SourceFault("mismatch", f"{host_of(url)} has another file of that name (its SHA-256 differs)")
    return request
