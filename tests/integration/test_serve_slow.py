"""Clients that send slowly, half, or nothing: their connections are closed, and nobody else notices them."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")

SECONDS = 20.0
"""Long beyond all limits of the service under test: what has not happened by then does not happen."""
LAUNCH = """
import logging, sys
from facefusion_cli.api.server import run
from facefusion_cli.api.settings import Limits, ServeSettings

class Silent:
    def done(self, sentence): pass
    def warning(self, sentence): pass

if __name__ == "__main__":
    limits = Limits(idle_seconds=0.6, body_seconds=1.8)
    settings = ServeSettings(port=int(sys.argv[1]), queue=2, limits=limits)
    sys.exit(run(settings, Silent(), log_level=logging.INFO))
"""
HEAD = (
    b"POST /faceswap HTTP/1.1\r\nHost: service\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="source_image"; filename="a.png"\r\n\r\n\x89PNG\r\n\x1a\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service under test keeps everything."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def port(home: Path) -> Iterator[int]:
    """Of a service with short limits and three places in its queue."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(port)],
            stdout=log,
            stderr=log,
            env={"FACEFUSION_HOME": str(home), "TMPDIR": str(home)},
        )
        try:
            deadline = time.monotonic() + 90
            while _get(port, "/ready") != 200:
                assert process.poll() is None, (home / "log").read_text(errors="replace")
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def _rest(connection: socket.socket) -> bytes:
    """What comes until the service closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


def _dribble(connection: socket.socket, data: bytes, pause: float) -> bool:
    """Send byte by byte; whether the service closed the connection before the end, or before ``SECONDS``."""
    deadline = time.monotonic() + SECONDS
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return False


def _is_too_slow(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 408 ") and json.loads(body)["code"] == "too-slow"


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    with _connect(port) as connection:
        assert _rest(connection) == b""


def test_headers_that_never_end_are_not_waited_for(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: service\r\n")
        assert _dribble(connection, b"X-Slow: " + b"x" * 10_000, 0.1)


def test_a11_half_a_body_and_silence_is_given_up(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(HEAD + PART)
        assert _is_too_slow(_rest(connection))


def test_a11_a_byte_now_and_then_is_no_progress(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(HEAD + PART)
        assert _dribble(connection, bytes(10_000), 0.1)


def test_chunks_that_never_end_are_given_up(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(HEAD.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked"))
        connection.sendall(b"%x\r\n%s\r\n" % (len(PART), PART))
        assert _is_too_slow(_rest(connection))


def test_a_body_that_takes_too_long_as_a_whole_is_given_up(port: int) -> None:
    """Each piece comes in time and counts as progress."""
    piece = bytes(20_000)
    with _connect(port) as connection:
        connection.sendall(HEAD + PART)
        ended = False
        for _ in range(40):
            try:
                connection.sendall(piece)
            except OSError:
                ended = True
                break
            time.sleep(0.2)
        assert ended


def test_places_that_slow_clients_held_are_free_again(port: int) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(_connect(port)) for _ in range(3)]
        for connection in slow:
            connection.sendall(HEAD + PART)
        for connection in slow:
            assert _is_too_slow(_rest(connection))
    with _connect(port) as connection:  # gets a place, and an answer about its form
        body = b"--b--\r\n"
        connection.sendall(
            HEAD.replace(b"1000000", b"%d" % len(body)).replace(b"Host", b"Connection: close\r\nHost") + body
        )
        assert _rest(connection).startswith(b"HTTP/1.1 422 ")


def test_a12_two_hundred_idle_connections_keep_nobody_away(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            connection = stack.enter_context(_connect(port))
            if number % 2:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: service\r\n")
            if number % 20 == 0:
                assert _get(port, "/health") == 200
        assert _get(port, "/health") == 200


def test_a_client_that_leaves_half_way_leaves_no_files(port: int, home: Path) -> None:
    before = _files(home)
    with _connect(port) as connection:
        connection.sendall(HEAD + PART + bytes(50_000))
        time.sleep(0.2)
    deadline = time.monotonic() + SECONDS
    while _files(home) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _files(home) == before


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.name != "log"}
