"""One connection of a client: HTTP by uvicorn and h11, and a watch over what uvicorn waits for without end.

uvicorn sets no limit to how long a client may take to send the head of a request, nor to how long it goes on sending a
body that was answered already.
"""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from facefusion_cli.api.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from facefusion_cli.api.settings import Limits

__all__ = ["WatchedConnection", "connection_class"]

_log = logging.getLogger(__name__)

_LINGER = 5.0
"""Seconds for which what is not wanted any more is still read. Closing at once would reset the connection, and the
client, still sending, might never see its answer."""

_OTHER_FILES = 128
"""Of a process, beside those for its connections."""

_Phase = Literal["head", "linger"]


class _Patient:
    """A transport that, told to close while its client still sends, only says that no more will come, and reads on.

    uvicorn closes connections that the client or the answer wants closed as soon as the answer is written.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, still_sends: Callable[[], bool]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._still_sends = still_sends
        self.parting = False
        """Whether what comes is let go of."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing may be written any more."""
        return self.parting or self._transport.is_closing()

    def close(self) -> None:
        """Close once what was written is sent; where the client still sends, once it has read that, or soon."""
        if self.is_closing():
            return
        if self._still_sends():
            self.parting = True
            with suppress(OSError):  # it has gone
                self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(_LINGER, self._transport.abort)
        else:
            self._transport.close()


class WatchedConnection(H11Protocol):
    """A connection that is closed when its client takes too long."""

    idle_seconds = 30.0
    """For the head of a request to arrive."""
    most = 2000
    """Connections at the same time; one more is closed at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._served = self.app
        self.app = self._serve
        self._phase: _Phase | None = None
        self._watch: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Close it now, whatever has not been sent."""
        self._rest()
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        self._patient = _Patient(transport, self.loop, lambda: self.conn.their_state in (h11.SEND_BODY, h11.ERROR))
        super().connection_made(cast("asyncio.Transport", self._patient))
        if len(self.connections) > self.most:
            self.abort()
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """It has sent something."""
        if self._patient.parting:
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer is on its way."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(Problem(400, "bad-request", msg[0].lower() + msg[1:]))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["facefusion.connection"] = self
        served: ASGIApp = self._served
        await served(scope, receive, send)

    def _look(self) -> None:
        """Set the watch for what is waited for now."""
        theirs = self.conn.their_state
        if self.transport.is_closing():
            self._rest()
        elif theirs is h11.IDLE and self.timeout_keep_alive_task is None:
            self._wait("head", self.idle_seconds, self._head_too_slow)
        elif theirs is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete:
            self._wait("linger", _LINGER, self._close)
        else:
            self._rest()

    def _wait(self, phase: _Phase, seconds: float, then: Callable[[], None]) -> None:
        if self._phase != phase:
            self._rest()
            self._phase, self._watch = phase, self.loop.call_later(seconds, then)

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._phase = self._watch = None

    def _head_too_slow(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(Problem(408, "too-slow", "the head of the request came too slowly."))
        else:
            self._close()

    def _refuse(self, problem: Problem) -> None:
        """Answer without a request that could be answered, unless an answer has begun already, and close."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._close()
            return
        request_id = str(uuid.uuid4())
        facts = {"request_id": request_id, "status": problem.status, "code": problem.code}
        _log.info("no request", extra={"facts": facts})
        body = json.dumps(problem.document(request_id)).encode()
        headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("X-Request-ID", request_id),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ]
        reason = problem.document(request_id)["title"].encode()
        for event in (
            h11.Response(status_code=problem.status, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _close(self) -> None:
        """Close once what was written is sent, and soon in any case."""
        self._rest()
        self.transport.close()
        self.loop.call_later(_LINGER, self.transport.abort)


def connection_class(limits: Limits) -> type[WatchedConnection]:
    """Connections with these limits, as many as this process may open; uvicorn makes them, and tells them nothing."""
    most = min(WatchedConnection.most, max(1, (_files_at_most() - _OTHER_FILES) // 2))  # each may be sent a file
    return type("LimitedConnection", (WatchedConnection,), {"idle_seconds": limits.idle_seconds, "most": most})


def _files_at_most() -> int:
    """How many files this process may open, after it has asked for as many as all connections would need.

    Without any left asyncio can accept nobody, and tells of that thousands of times a second.
    """
    wanted = 2 * WatchedConnection.most + _OTHER_FILES
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= enough:
        return enough
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
        return enough
    return soft
