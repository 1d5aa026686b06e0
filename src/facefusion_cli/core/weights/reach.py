"""Whether a host can be reached, asked before anything else because being offline has to be noticed soon.

A name server that does not answer, or an address whose packets are lost, would otherwise hold up the first request for
half a minute: looking up a name knows no time limit, and the limit for connecting is for each of a host's addresses.
"""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from facefusion_cli.core.addresses import host_of, masked
from facefusion_cli.core.weights.faults import SourceFault, connection_fault, proxy_fault, proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["CONNECT_SECONDS", "Hosts"]

CONNECT_SECONDS = 4.0
HEAD_START = 0.4
"""Seconds after which a host that has not answered is no longer waited for alone."""
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

_T = TypeVar("_T")


class Hosts:
    """The hosts met in one run, so that one that cannot be had is asked once."""

    def __init__(self) -> None:
        self._faults: dict[str, SourceFault] = {}
        self._ways: dict[str, Future[None]] = {}
        """Connections to hosts and proxies, by where they lead."""

    def check(self, url: str, others: Iterable[str] = ()) -> None:
        """See that the host of ``url``, or the proxy that leads to it, takes connections.

        If it does not do so soon, those of ``others``, which may be needed next, are tried meanwhile: offline, where
        none answers, one wait is enough for all.

        Raises:
            SourceFault: it does not, or was ``lost``.
        """
        if fault := self.fault(url):
            raise fault
        way = self._way(url)
        wait([way], HEAD_START)
        if not way.done():
            for other in others:
                self._way(other)
        try:
            way.result(2 * CONNECT_SECONDS)  # it ends sooner, unless there is a fault in this code
        except OSError as error:
            raise connection_fault(error, url) from error
        except ValueError as error:
            if proxy_for(url):
                raise proxy_fault(url, "is given by an address that cannot be used") from error
            raise SourceFault("network", f'"{masked(url)}" is not the address of a server', concerns="host") from error
        except RuntimeError as error:  # no thread can be had
            clause = f"the connection to {host_of(url)} failed ({error})"
            raise SourceFault("network", clause, concerns="host") from error

    def fault(self, url: str) -> SourceFault | None:
        """Why there is no point in asking, if there is none."""
        ways = (url, proxy_for(url) or url)
        return next((self._faults[host_of(way)] for way in ways if host_of(way) in self._faults), None)

    def lost(self, url: str, fault: SourceFault) -> None:
        """Remember a fault that concerns more than the one file."""
        if fault.concerns != "file":
            self._faults[host_of((fault.concerns == "proxy" and proxy_for(url)) or url)] = fault

    def _way(self, url: str) -> Future[None]:
        to = proxy_for(url) or url
        if host_of(to) not in self._ways:
            self._ways[host_of(to)] = _begin(partial(_connect, to))
        return self._ways[host_of(to)]


def _connect(url: str) -> None:
    """Open a connection to any of the host's addresses and close it.

    Raises:
        OSError: ``socket.gaierror`` if the name cannot be resolved, ``TimeoutError`` after ``CONNECT_SECONDS``.
        ValueError: it cannot be the address of a host.
        RuntimeError: no thread can be had.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    if not parts.hostname or not port:
        raise ValueError("no address")
    found = _first([partial(socket.getaddrinfo, parts.hostname, port, type=socket.SOCK_STREAM)], deadline)
    # All at once: where IPv6 is broken, the first addresses are often those that nobody answers.
    _first([partial(_connect_to, *address) for address in found], deadline)


def _connect_to(
    family: int, kind: int, protocol: int, _name: str, address: tuple[str | int, int] | tuple[str, int, int, int]
) -> None:
    with socket.socket(family, kind, protocol) as connection:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(address)


def _first(calls: Sequence[Callable[[], _T]], deadline: float) -> _T:
    """What the first of the calls to succeed returns; those that still wait are left to themselves.

    Raises:
        Exception: what the first of them raised if all have failed; ``TimeoutError`` at the deadline.
    """
    futures = [_begin(call) for call in calls]
    waiting = set(futures)
    while waiting:
        ended, waiting = wait(waiting, max(0.0, deadline - time.monotonic()), FIRST_COMPLETED)
        if not ended:
            raise TimeoutError
        for future in ended:
            if future.exception() is None:
                return future.result()
    return futures[0].result()


def _begin(call: Callable[[], _T]) -> Future[_T]:
    """The outcome of a call, to come; an executor would wait for all of its threads when the process ends."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001, whoever waits is told
            future.set_exception(error)

    try:
        # A daemon, for nobody can end it: the process may go while it waits.
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:  # the system gives no more threads
        future.set_exception(error)
    return future
