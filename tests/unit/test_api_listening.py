"""Addresses to listen on."""

from __future__ import annotations

import socket

import pytest

from facefusion_cli.api.listening import Place, address_of, listen, only_this_machine, resolve
from facefusion_cli.errors import FaceFusionError

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("places", "closed"),
    [
        ([Place(V4, "127.0.0.1")], True),
        ([Place(V4, "127.9.9.9"), Place(V6, "::1")], True),
        ([Place(V4, "127.0.0.1"), Place(V4, "192.0.2.1")], False),
        ([Place(V4, "0.0.0.0")], False),
        ([Place(V6, "::")], False),
        ([Place(V6, "fe80::1%eth0")], False),
    ],
)
def test_a19_who_can_reach_it(places: list[Place], closed: bool) -> None:
    assert only_this_machine(places) is closed


def test_all_addresses_of_a_name_have_the_same_port() -> None:
    places = [Place(V4, "192.0.2.1"), Place(V4, "127.0.0.1"), Place(V4, "127.0.0.2")]
    sockets = listen("name", places, 0)
    try:
        assert [each.getsockname()[0] for each in sockets] == ["127.0.0.1", "127.0.0.2"]
        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert address_of(sockets[0]) == f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        # What asyncio looks at before it sets TCP_NODELAY.
        assert {each.proto for each in sockets} == {socket.IPPROTO_TCP}
    finally:
        for each in sockets:
            each.close()


def test_no_socket_stays_when_one_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(FaceFusionError, match=f"port {port} of name is in use already"):
            listen("name", [Place(V4, "127.0.0.1"), Place(V4, "127.0.0.2")], port)
        socket.create_server(("127.0.0.1", port)).close()


def test_a_host_that_is_none_is_said() -> None:
    with pytest.raises(FaceFusionError, match=r'there is no host "x\.\.y"'):
        resolve("x..y")
