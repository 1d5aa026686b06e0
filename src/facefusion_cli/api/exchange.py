"""One request and its answer, as all who deal with it know it; and what is done around every one of them."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers, MutableHeaders

from facefusion_cli.api.body import ClientGone
from facefusion_cli.api.problems import answer, bug, unavailable
from facefusion_cli.api.work.admission import Draining

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from facefusion_cli.api.orders import OrderKind
    from facefusion_cli.api.work.job import Job

__all__ = ["Exchange", "Observed", "exchange_of"]

_log = logging.getLogger(__name__)

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CLIENT_GONE = 499
"""In logs and metrics, as nginx has it: nobody was there any more to get an answer."""


class Connection(Protocol):
    """What is below HTTP."""

    def abort(self) -> None:
        """Close it now, whatever has not been sent."""


@dataclass(slots=True)
class Exchange:
    """A request and its answer."""

    id: str
    """The request's id: ours, or the client's if that is short and plain."""
    head: bool = False
    """Only the head of the answer is wanted."""
    engine: str = ""
    """The engine that does the work, on the routes that do some."""
    job: str = ""
    connection: Connection | None = None
    status: int = 0
    """0 before the answer has begun."""
    complete: bool = False
    received: int = 0
    sent: int = 0
    """Bytes of the bodies."""
    begun: float = field(default_factory=time.monotonic)

    def belongs_to(self, job: Job) -> None:
        """From now on it is about ``job``."""
        self.job, self.engine = job.id, job.engine


def exchange_of(request: Request) -> Exchange:
    """The exchange that a request belongs to."""
    exchange = request.scope["facefusion"]
    assert isinstance(exchange, Exchange)
    return exchange


class Observed:
    """Middleware around everything: ids, headers, the log, what nobody caught, and clients that do not read."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        engine_of: Callable[[OrderKind], str],
        count: Callable[[str, str, int, float], None],
        idle_seconds: float,
    ) -> None:
        """``engine_of`` names a route's engine; ``count`` is told method, route, status and seconds of each."""
        self._app = app
        self._engine_of = engine_of
        self._count = count
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Deal with one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        exchange = Exchange(given if _PLAIN_ID.fullmatch(given) else str(uuid.uuid4()))
        exchange.connection = scope.get("facefusion.connection")
        exchange.engine = self._first_engine(scope["path"])
        scope["facefusion"] = exchange
        exchange.head = scope["method"] == "HEAD"  # answered as GET is, without the body (RFC 9110, 9.3.2)
        asked = {**scope, "method": "GET"} if exchange.head else scope

        async def receive_counted() -> Message:
            message = await receive()
            exchange.received += len(message.get("body", b""))
            return message

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                _add_headers(message, exchange)
            elif exchange.head:
                message = {**message, "body": b""}
            try:
                async with asyncio.timeout(self._idle_seconds):
                    await send(message)
            except TimeoutError:
                raise ClientGone from None
            exchange.sent += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                exchange.complete = True

        try:
            await self._app(asked, receive_counted, send_named)
        except ClientGone:
            exchange.status = _CLIENT_GONE
            await _abort(exchange)
        except asyncio.CancelledError:  # the service ends, and waits no longer
            if exchange.status:
                await _abort(exchange)
            else:
                await answer(unavailable(Draining()), exchange.id)(scope, receive, send_named)
        except Exception:  # noqa: BLE001  (the last one: it ends in the log, and in a sentence for the client)
            _log.exception("a request failed", extra={"facts": {"request_id": exchange.id}})
            if exchange.status:
                await _abort(exchange)
            else:
                await answer(bug(), exchange.id)(scope, receive, send_named)
        finally:
            self._tell(scope["method"], getattr(asked.get("route"), "path", ""), exchange)

    def _first_engine(self, path: str) -> str:
        kind = path.removeprefix("/jobs")
        if kind == "/faceswap":
            return self._engine_of("faceswap")
        return self._engine_of("lipsync") if kind == "/lipsync" else ""

    def _tell(self, method: str, route: str, exchange: Exchange) -> None:
        seconds = time.monotonic() - exchange.begun
        method = method if method in ("GET", "HEAD", "POST", "DELETE") else "other"
        self._count(method, route or "none", exchange.status, seconds)
        quiet = exchange.status < 400 and route in ("/health", "/ready", "/metrics")
        facts = {
            "request_id": exchange.id,
            "method": method,
            "route": route,
            "status": exchange.status,
            "seconds": round(seconds, 4),
            "received_bytes": exchange.received,
            "sent_bytes": exchange.sent,
        }
        facts |= {name: value for name, value in (("job", exchange.job), ("engine", exchange.engine)) if value}
        _log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"facts": facts})


def _add_headers(message: Message, exchange: Exchange) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = exchange.id
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    if exchange.engine:
        headers["X-FaceFusion-Engine"] = exchange.engine


async def _abort(exchange: Exchange) -> None:
    if exchange.connection is not None:
        exchange.connection.abort()
        await asyncio.sleep(0)  # so that the server knows it before this exchange ends
        await asyncio.sleep(0)
