"""The body of a request as it comes in: no longer, no slower and no larger than it may be."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from facefusion_cli.api.problems import Problem
from facefusion_cli.core.sizes import in_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from facefusion_cli.api.settings import Limits

__all__ = ["ClientGone", "body_chunks", "check_length", "too_large"]

_LEAST_PROGRESS = 16_384
"""Bytes that have to come in ``idle_seconds`` for it to count as progress; at half a kilobyte a second no picture comes
to an end."""
_CLOSE = {"Connection": "close"}


class ClientGone(Exception):  # noqa: N818  (nobody is left to be told of an error)
    """The connection is closed: there is nobody to answer."""


def check_length(request: Request, most: int) -> None:
    """Refuse a body that says of itself that it is too large, or that is compressed.

    Raises:
        Problem: 413, 415.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        hint, taken = "Send it without Content-Encoding.", {"Accept-Encoding": "identity"}  # RFC 9110, 15.5.16
        raise Problem(415, "compressed", "a compressed body cannot be read.", hint=hint, headers=taken)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)


def too_large(most: int) -> Problem:
    """The request is larger than it may be."""
    return Problem(413, "too-large", f"the request is too large: {in_words(most)} is the most.")


async def body_chunks(request: Request, limits: Limits, most: int) -> AsyncIterator[bytes]:
    """The body in pieces, as they come.

    Raises:
        Problem: 413, it is larger than ``most``; 408, it comes too slowly. After that the connection is closed.
        ClientGone: the client went away before its end.
    """
    begun = mark = time.monotonic()
    total = marked = 0
    while True:
        now = time.monotonic()
        deadline = min(mark + limits.idle_seconds, begun + limits.body_seconds)
        try:
            async with asyncio.timeout(max(0.0, deadline - now)):
                message = await request.receive()
        except TimeoutError:
            raise Problem(
                408, "too-slow", "the request came too slowly.", hint="Try again, or send less.", headers=_CLOSE
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > most:
            raise too_large(most)
        if total - marked >= _LEAST_PROGRESS:
            mark, marked = time.monotonic(), total
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return
