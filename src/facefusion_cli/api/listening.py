"""Addresses to listen on, and who can reach them."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import NamedTuple

from facefusion_cli.errors import FaceFusionError

__all__ = ["Place", "address_of", "listen", "only_this_machine", "resolve"]


class Place(NamedTuple):
    """An address that a name stands for."""

    family: socket.AddressFamily
    address: str


def resolve(host: str) -> list[Place]:
    """What ``host`` stands for.

    Raises:
        FaceFusionError: there is no such host.
    """
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise FaceFusionError(
            f'there is no host "{host}" to listen on.', hint="Name an address of this machine with --host."
        ) from None
    return list(dict.fromkeys(Place(family, str(where[0])) for family, _, _, _, where in found))


def only_this_machine(places: list[Place]) -> bool:
    """Whether nobody beyond this machine can reach any of them."""
    return all(ipaddress.ip_address(place.address.partition("%")[0]).is_loopback for place in places)


def listen(host: str, places: list[Place], port: int) -> list[socket.socket]:
    """Sockets that are bound to all ``places`` that this machine has, all to the same port; 0 for any that is free.

    Raises:
        FaceFusionError: none can be had; the message says why.
    """
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    try:
        for place in places:
            try:
                sockets.append(_bound(place, sockets[0].getsockname()[1] if sockets else port))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise _cannot_listen(host, port, error) from None
                refused = error
        if refused is not None and not sockets:
            raise _cannot_listen(host, port, refused)
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return sockets


def _bound(place: Place, port: int) -> socket.socket:
    # The protocol is named so that asyncio sets TCP_NODELAY: without that each answer waits for 40 ms.
    bound = socket.socket(place.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two processes have the same port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if place.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((place.address, port))
    except BaseException:
        bound.close()
        raise
    return bound


def address_of(bound: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _cannot_listen(host: str, port: int, error: OSError) -> FaceFusionError:
    match error.errno:
        case errno.EADDRINUSE:
            return FaceFusionError(
                f"port {port} of {host} is in use already.", hint="Choose another one with --port, or 0 for any."
            )
        case errno.EACCES:
            return FaceFusionError(
                f"port {port} may not be listened on by this user.", hint="Choose one above 1023 with --port."
            )
        case errno.EADDRNOTAVAIL:
            return FaceFusionError(
                f'"{host}" is no address of this machine.', hint="Name one of its addresses with --host."
            )
    return FaceFusionError(f"port {port} of {host} cannot be listened on: {error.strerror}.")
