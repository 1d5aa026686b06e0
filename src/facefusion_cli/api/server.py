"""From settings to a server that runs until a signal ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import uvicorn

from facefusion_cli.api.app import create_app, front_of
from facefusion_cli.api.connection import connection_class
from facefusion_cli.api.listening import address_of, listen, only_this_machine, resolve
from facefusion_cli.api.logs import logging_to
from facefusion_cli.api.work.service import Service
from facefusion_cli.errors import DeviceError, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from types import FrameType

    from facefusion_cli.api.front import Front
    from facefusion_cli.api.settings import ServeSettings

__all__ = ["Teller", "run"]

_KEEP_ALIVE = 5
_SAME_WISH = 0.25
"""Seconds in which two signals mean one wish: timeout(1) and others signal a process and then its group."""
_LINGER = 2.0
"""Seconds in which those who poll may fetch the results of jobs that ended while the service was ending."""
_LOOK = 0.1
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Teller(Protocol):
    """Whoever tells the user what goes on."""

    def done(self, sentence: str) -> None:
        """Something has come to pass."""

    def warning(self, sentence: str) -> None:
        """Something the user should know, though it went on."""


def run(settings: ServeSettings, teller: Teller, *, log_level: int) -> int:
    """Serve until a signal comes; returns 128 and its number.

    Raises:
        UsageError: an engine or device cannot be, or anybody could come in.
        FaceFusionError: the address cannot be listened on.
        DeviceError: a device that was named cannot be used.
    """
    places = resolve(settings.host)
    if settings.api_key is None and not only_this_machine(places):
        if not settings.insecure:
            raise UsageError(
                f"{settings.host} can be reached from other machines, and there is no key.",
                hint="Set a key in FACEFUSION_API_KEY, or let anybody in with --insecure.",
            )
        teller.warning(f"anybody who reaches {settings.host} can use this service: there is no key.")
    service = Service(settings)
    sockets = listen(settings.host, places, settings.port)
    try:
        with logging_to(level=log_level):
            return asyncio.run(_serve(settings, service, sockets, teller))
    finally:
        for each in sockets:
            each.close()


@dataclass(slots=True)
class _End:
    """That it is to end."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """At once."""
    signum: int = 0

    def signalled(self, signum: int) -> None:
        """The first signal asks for an orderly end, a later one for a quick one, and one more ends the process."""
        loop = asyncio.get_running_loop()
        if not self.wanted.is_set():
            self.signum = signum
            self.wanted.set()
            loop.call_later(_SAME_WISH, self._listen_again)
        elif self._again:
            if self.hurry.is_set():
                os._exit(128 + self.signum)
            self.hurry.set()

    _again: bool = False

    def _listen_again(self) -> None:
        self._again = True


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave them to us."""
        return nullcontext()


async def _serve(settings: ServeSettings, service: Service, sockets: list[socket.socket], teller: Teller) -> int:
    end = _End()
    with _signals(end):
        app = create_app(settings, service)
        server = _Server(
            uvicorn.Config(
                app,
                http=connection_class(settings.limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
            )
        )
        await service.start()
        tasks: list[asyncio.Task[None]] = []
        try:
            tasks.append(asyncio.create_task(server.serve(sockets)))
            while not server.started and not tasks[0].done():
                await asyncio.sleep(0.01)
            for each in sockets:
                teller.done(f"listening on {address_of(each)}, with a page to try it at {address_of(each)}/docs.")
            tasks.append(asyncio.create_task(_tell_readiness(service, teller)))
            tasks.append(asyncio.create_task(_set(end.wanted)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    await task  # raises what it failed with
            teller.done("ending: what is under way is finished first.")
            await _drain(front_of(app), server, tasks[0], end.hurry, settings.grace)
        finally:
            await service.close(0.0)
            server.should_exit = server.force_exit = True
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return 128 + end.signum


async def _drain(
    front: Front, server: _Server, serving: asyncio.Task[None], hurry: asyncio.Event, grace: float
) -> None:
    """Let what is under way come to its end, then stop answering, so early that what does not end can be ended."""
    clock = asyncio.get_running_loop().time
    enough = clock() + grace - min(2.0, grace / 4)
    front.draining = True
    busy = _busy(front)
    while _busy(front) and clock() < enough and not hurry.is_set():
        await asyncio.sleep(_LOOK)
    if busy and front.service.stats().kept:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(_LINGER, enough - clock()))):
                await hurry.wait()
    # Whole seconds, says its type; any number will do.
    server.config.timeout_graceful_shutdown = max(0.0, enough - clock())  # type: ignore[assignment]
    server.should_exit = True
    hurried = asyncio.create_task(_set(hurry))
    await asyncio.wait((serving, hurried), return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()


def _busy(front: Front) -> bool:
    stats = front.service.stats()
    return bool(stats.queued or stats.running or stats.reserved)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _tell_readiness(service: Service, teller: Teller) -> None:
    """Say what keeps it from working, and when it can, each time that changes.

    Raises:
        DeviceError: a device that was named cannot be used.
    """
    told: tuple[bool, tuple[str, ...], tuple[str, ...]] = (False, (), ())
    while True:
        now = service.readiness
        if now.device_refused and not now.ready:
            raise DeviceError(" ".join(now.reasons))
        if (now.ready, now.reasons, now.notes) != told:
            for sentence in now.reasons:
                if sentence not in told[1]:
                    teller.done(sentence)
            for sentence in now.notes:
                if sentence not in told[2]:
                    teller.warning(sentence)
            if now.ready and not told[0]:
                engines = ", ".join(f"{kind} with {name}" for kind, name in now.engines.items())
                teller.done(f"ready: {engines}, on {now.device}.")
            told = (now.ready, now.reasons, now.notes)
        await asyncio.sleep(_LOOK)


@contextmanager
def _signals(end: _End) -> Iterator[None]:
    """Inside, signals go to ``end``; those that were ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    loop = asyncio.get_running_loop()

    def handle(signum: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end.signalled, signum)

    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    ours = [signum for signum, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for signum in ours:
        signal.signal(signum, handle)
    try:
        yield
    finally:
        for signum in ours:
            signal.signal(signum, before[signum])
