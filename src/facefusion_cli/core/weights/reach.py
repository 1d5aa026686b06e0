"""Whether a host can be reached, asked before anything else because being offline has to be noticed soon.

A name server that does not answer, or an address whose packets are lost, would otherwise hold up the first request for
half a minute: looking up a name knows no time limit, and the limit for connecting is for each of a host's addresses.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from facefusion_cli.core.weights.faults import SourceFault, connection_fault, host_of, proxy_fault, proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CONNECT_SECONDS", "Hosts"]

CONNECT_SECONDS = 4.0
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

_T = TypeVar("_T")


class Hosts:
    """The hosts met in one run, so that one that cannot be had is asked once."""

    def __init__(self) -> None:
        self._faults: dict[str, SourceFault] = {}
        self._reached: set[str] = set()

    def check(self, url: str) -> None:
        """See that the host of ``url``, or the proxy that leads to it, takes connections.

        Raises:
            SourceFault: it does not, or was ``lost``.
        """
        proxy = proxy_for(url)
        to = proxy or url
        way = host_of(to)
        if fault := self.fault(url):
            raise fault
        if way in self._reached:
            return
        try:
            parts = urlsplit(to)
            _connect(parts.hostname or "", parts.port or _PORTS[parts.scheme])
        except OSError as error:
            raise connection_fault(error, url) from error
        except (ValueError, KeyError) as error:
            if proxy:
                raise proxy_fault(url, "has no address that could be used") from error
            raise SourceFault("network", f'"{to}" is not the address of a server', concerns="host") from error
        self._reached.add(way)

    def fault(self, url: str) -> SourceFault | None:
        """Why there is no point in asking, if there is none."""
        return self._faults.get(host_of(url)) or self._faults.get(host_of(proxy_for(url) or ""))

    def lost(self, url: str, fault: SourceFault) -> None:
        """Remember a fault that concerns more than the one file."""
        if fault.concerns != "file":
            self._faults[host_of((fault.concerns == "proxy" and proxy_for(url)) or url)] = fault


def _connect(host: str, port: int) -> None:
    """Open a connection to any of the host's addresses and close it.

    Raises:
        OSError: ``socket.gaierror`` if the name cannot be resolved, ``TimeoutError`` after ``CONNECT_SECONDS``.
        ValueError: it cannot be the name of a host.
    """
    if not host:
        raise ValueError("no host")
    deadline = time.monotonic() + CONNECT_SECONDS
    found = _first([partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)], deadline)
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
        OSError, ValueError: what the first one to fail raised if all have; ``TimeoutError`` at the deadline.
    """
    outcomes: queue.SimpleQueue[_T | OSError | ValueError] = queue.SimpleQueue()

    def run(call: Callable[[], _T]) -> None:
        try:
            outcomes.put(call())
        except (OSError, ValueError) as error:
            outcomes.put(error)

    for call in calls:
        # A daemon, for nobody can end it: the process may go while it waits.
        threading.Thread(target=run, args=(call,), daemon=True).start()
    failures: list[OSError | ValueError] = []
    while len(failures) < len(calls):
        try:
            outcome = outcomes.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError from None
        if not isinstance(outcome, OSError | ValueError):
            return outcome
        failures.append(outcome)
    raise failures[0]
