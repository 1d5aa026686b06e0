"""One file from one server, gone on with where an earlier attempt, server or run has stopped.

What is there is never given up for a server that may send less: it goes on with what any other began, and the SHA-256
of the whole, which is not looked at here, tells whether that was right.

The hub's files come this way too. Its own ``http_get`` follows any redirect, takes a web page for the file, waits as
long as a server asks it to and retries behind the user's back.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from facefusion_cli.core.addresses import host_of
from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.faults import SourceFault, connection_fault, number_in, proxy_fault, status_fault
from facefusion_cli.core.weights.reach import CONNECT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2

    from facefusion_cli.core.weights.partial import Partial

__all__ = ["Request", "download", "open_session", "other_size"]

STALL_SECONDS = 20.0
"""Nothing, or next to nothing, arrives for so long: the server has stopped."""
SLOWEST = 1000
"""Bytes a second over ``STALL_SECONDS``; 554 MB would take a week."""
TRIES = 3
"""Attempts in a row that do not bring ``PROGRESS`` bytes."""
PROGRESS = 2**20
PAUSE_SECONDS = 1.0
_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask a server for."""

    url: str
    user_agent: str
    token: str | None = None
    """Sent to the host of ``url`` alone, never where it redirects to."""


def open_session(url: str) -> httpx2.Client:
    """The hub client's own session, for its proxies and its certificates.

    Raises:
        SourceFault: the environment's proxies are not to be used.
    """
    import httpx2
    from huggingface_hub import get_session

    try:
        return get_session()
    except ImportError as error:
        raise proxy_fault(url, f"cannot be used ({error})".replace("\n", " ")) from error
    except (ValueError, httpx2.InvalidURL) as error:
        # Their texts may quote a password.
        raise proxy_fault(url, "is given by an address that cannot be used") from error


def download(request: Request, partial: Partial, size: int, report: Callable[[int], None]) -> bool:
    """Fetch all ``size`` bytes into ``partial``; ``report`` is told how many are there.

    A connection that breaks off is made again a few times, as long as bytes arrive. Returns whether the file is pieced
    together from several answers.

    Raises:
        SourceFault: the server does not send them, or something else.
        OSError: they cannot be written.
    """
    started = most = partial.size
    tries = 0
    while True:
        pieced = partial.size > 0
        try:
            _receive(request, partial, size, report)
            return pieced
        except SourceFault as fault:
            tries = 1 if partial.size - most >= PROGRESS else tries + 1
            most = max(most, partial.size)
            # A host that has sent something and now cannot be reached is likely to come back.
            again = fault.again or (fault.concerns != "file" and most > started)
            if not again or tries == TRIES:
                raise
        time.sleep(PAUSE_SECONDS)


def _receive(request: Request, partial: Partial, size: int, report: Callable[[int], None]) -> None:
    """One attempt, of all that is missing."""
    present = partial.size
    with _answered(request, present) as response:
        url = str(response.url)
        host = host_of(url)
        first, total = _extent(response)
        if first not in {0, present}:
            raise status_fault(response.status_code, response.headers, url)
        _refuse_other_content(response, host)
        if total is not None and total != size:
            raise other_size(host, total, size)
        with partial.path.open("ab") as file:
            try:
                for count, piece in _pieces(response, url, first, size):
                    # Of a server that sends all of the file again only the rest is needed.
                    file.write(piece[max(0, present - (count - len(piece))) :])
                    file.flush()  # so that it stays there if this process is killed
                    report(count)
            except SourceFault as fault:
                if fault.reason == "mismatch":
                    file.truncate(present)
                raise


@contextmanager
def _answered(request: Request, present: int) -> Iterator[httpx2.Response]:
    """The answer that brings what is missing after ``present`` bytes, or the whole file where that cannot be had."""
    if present:
        with _opened(request, {"Range": f"bytes={present}-"}) as response:
            if response.status_code not in {206, 416} or _extent(response)[0] == present:
                yield response
                return
    with _opened(request, {}) as response:
        yield response


@contextmanager
def _opened(request: Request, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    """The answer, after redirects, its body still to come."""
    import httpx2

    session, url = open_session(request.url), request.url
    timeout = httpx2.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
    headers = {"User-Agent": request.user_agent, "Accept-Encoding": "identity", **headers}
    for _ in range(_REDIRECTS):
        own = {"Authorization": f"Bearer {request.token}"} if request.token and _same_host(url, request.url) else {}
        try:
            sent = session.build_request("GET", url, headers={**headers, **own}, timeout=timeout)
            response = session.send(sent, stream=True, follow_redirects=False)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise connection_fault(error, url) from error
        try:
            if not response.has_redirect_location:
                yield response
                return
            url = _redirected(url, response.headers["Location"])
        finally:
            response.close()
    raise SourceFault("network", f"{host_of(request.url)} redirects without end")


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _redirected(url: str, location: str) -> str:
    allowed = {"https"} if urlsplit(url).scheme == "https" else {"http", "https"}
    try:
        target = urljoin(url, location)
    except ValueError as error:
        raise SourceFault("network", f"{host_of(url)} redirects to an address that is none") from error
    if urlsplit(target).scheme not in allowed:
        raise SourceFault("network", f"{host_of(url)} redirects to an address that is not secure")
    return target


def _refuse_other_content(response: httpx2.Response, host: str) -> None:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"}:
        clause = f"{host} sent a web page instead of the file, as networks do that want a login"
        raise SourceFault("web-page", clause)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceFault("server", f"{host} sent the file in a form that was not asked for")


def _extent(response: httpx2.Response) -> tuple[int, int | None]:
    """Which byte of the file the answer begins with, -1 if it has none, and the size of the whole if it is said."""
    if response.status_code == 200:
        return 0, number_in(response.headers.get("Content-Length", ""))
    unit, _, value = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = value.partition("/")
    known = response.status_code == 206 and unit == "bytes"
    first = number_in(span.partition("-")[0]) if known else None
    return (-1 if first is None else first), number_in(total)


def _pieces(response: httpx2.Response, url: str, count: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The body piece by piece, each with the number of bytes there after it, ``count`` before the first."""
    import httpx2

    host = host_of(url)
    since, before = time.monotonic(), count
    try:
        for piece in response.iter_raw():
            count += len(piece)
            if count > size:
                raise SourceFault("mismatch", f"{host} sends more than the {in_words(size)} of the file")
            yield count, piece
            now = time.monotonic()
            if now - since >= STALL_SECONDS:
                if count - before < SLOWEST * STALL_SECONDS:
                    raise SourceFault("timeout", f"{host} sends the file too slowly")
                since, before = now, count
    except httpx2.HTTPError as error:
        raise connection_fault(error, url, begun=True) from error
    if count < size:
        raise SourceFault("interrupted", f"the connection to {host} broke off", again=True)


def other_size(host: str, found: int, size: int) -> SourceFault:
    """The host has a file of ``found`` bytes in place of one of ``size``."""
    return SourceFault("mismatch", f"{host} has another file of that name ({_sizes(found, size)})")


def _sizes(found: int, size: int) -> str:
    one, other = in_words(found), in_words(size)
    if one == other:
        one, other = f"{found} bytes", str(size)
    return f"{one} instead of {other}"
