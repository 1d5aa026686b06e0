"""``facefusion serve`` as a process, asked over a socket: the work itself, its limits, and its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")

PATIENCE = 60.0
"""What has not happened by then does not happen."""


class Process:
    """A service of its own."""

    def __init__(self, home: Path, *options: str, env: dict[str, str] | None = None, files: int = 0) -> None:
        """``files``: how many it may open, 0 for the usual."""
        limit = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"] if files else []
        home.mkdir(exist_ok=True)
        self.home = home
        self.log = home / "log"
        self.out = home / "out"
        with self.log.open("wb") as log, self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [*limit, sys.executable, "-m", "facefusion_cli", "serve", "--port", "0", *options],
                stdout=out,
                stderr=log,
                env={"PATH": os.defpath, "FACEFUSION_HOME": str(home), "TMPDIR": str(home), **(env or {})},
            )
        match = self.wait_for(lambda: re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.said()))
        self.port = int(match[1])

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        return found

    def ready(self) -> Process:
        self.wait_for(lambda: self.ask("GET", "/ready")[0] == 200)
        return self

    def begin(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body or None, headers or {})
        return connection

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(self.begin(method, path, body, headers)) as connection:
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def metric(self, name: str) -> float:
        text = self.ask("GET", "/metrics")[2].decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    def files(self) -> list[Path]:
        return list(self.home.rglob("facefusion-serve-*/*/*"))

    def end(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE)


def form(**fields: bytes | str) -> tuple[bytes, dict[str, str]]:
    body = b""
    for name, content in fields.items():
        named = '; filename="../../x"' if isinstance(content, bytes) else ""
        data = content if isinstance(content, bytes) else content.encode()
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"
    return body + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    service = Process(tmp_path_factory.mktemp("serve") / "home", "--max-seconds", "30", "--max-upload", "5").ready()
    yield service
    assert service.end(signal.SIGTERM) == 143
    assert service.out.read_bytes() == b""
    assert "Traceback" not in service.said()


@pytest.fixture(scope="module")
def swap(astronaut: Path, hopper: Path) -> tuple[bytes, dict[str, str]]:
    return form(source_image=astronaut.read_bytes(), target_image=hopper.read_bytes())


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str, hopper: Path) -> dict[str, bytes]:
    """Videos of a face ("short", "long"), a sound ("sound"), and a video that is too long ("endless")."""
    folder = tmp_path_factory.mktemp("clips")
    still = ["-loop", "1", "-i", str(hopper), "-vf", "scale=256:300"]
    black = ["-f", "lavfi", "-i", "color=size=64x64:rate=1"]
    for name, words in {
        "short.mp4": [*still, "-t", "0.4"],
        "long.mp4": [*still, "-t", "25", "-preset", "ultrafast"],
        "endless.mp4": [*black, "-t", "40"],
        "sound.wav": ["-f", "lavfi", "-i", "sine=300", "-t", "0.4"],
    }.items():
        subprocess.run([ffmpeg, "-loglevel", "error", *words, folder / name], check=True)
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


def test_the_two_lines_that_people_use(
    service: Process, astronaut: Path, hopper: Path, clips: dict[str, bytes], tmp_path: Path
) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    shutil.copy(astronaut, tmp_path / "source.jpg")
    shutil.copy(hopper, tmp_path / "target.jpg")
    (tmp_path / "input.mp4").write_bytes(clips["short"])
    (tmp_path / "input.wav").write_bytes(clips["sound"])
    address = f"http://localhost:{service.port}"
    files = ["-F", "target_image=@target.jpg", "-F", "source_image=@source.jpg"]
    run = subprocess.run([curl, "-sX", "POST", f"{address}/faceswap", *files], cwd=tmp_path, capture_output=True)
    picture = cv2.imdecode(np.frombuffer(run.stdout, np.uint8), cv2.IMREAD_COLOR)
    before = cv2.imread(str(hopper))
    assert picture is not None
    assert before is not None
    assert run.stdout.startswith(b"\xff\xd8\xff")
    assert picture.shape == before.shape
    assert np.abs(picture.astype(int) - before).max() > 40
    files = ["-F", "video=@input.mp4", "-F", "audio=@input.wav"]
    run = subprocess.run([curl, "-sX", "POST", f"{address}/lipsync", *files], cwd=tmp_path, capture_output=True)
    assert run.stdout[4:8] == b"ftyp"


def test_a_picture_comes_back_as_the_type_that_is_asked_for(service: Process, swap: Any) -> None:
    body, headers = swap
    status, answered, content = service.ask("POST", "/faceswap", body, headers | {"Accept": "image/png"})
    assert (status, answered["content-type"], answered["x-facefusion-engine"]) == (200, "image/png", "mesh")
    assert content.startswith(b"\x89PNG")
    assert len(content) == int(answered["content-length"])
    assert json.loads(answered["x-facefusion-notes"])
    service.wait_for(lambda: not service.files())


def test_p01_what_comes_back_is_marked(service: Process, swap: Any, tmp_path: Path) -> None:
    from facefusion_cli.core.media.marking.inspection import inspect_file

    status, _, content = service.ask("POST", "/faceswap", *swap)
    (tmp_path / "o.jpg").write_bytes(content)
    found = inspect_file(tmp_path / "o.jpg")
    assert (status, found.said.engine, found.said.term, found.in_metadata) == (200, "mesh", "composite", True)


def test_a_job_runs_and_its_result_is_fetched(service: Process, swap: Any) -> None:
    status, answered, _ = service.ask("POST", "/jobs/faceswap", *swap)
    assert status == 202
    place = answered["location"]

    def done() -> Any:
        state = json.loads(service.ask("GET", place)[2])
        assert state["state"] in ("queued", "running", "done")
        return state["state"] == "done"

    service.wait_for(done)
    whole = service.ask("GET", f"{place}/result")[2]
    assert whole.startswith(b"\xff\xd8\xff")
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as kept:
        for method, sent in (("HEAD", b""), ("GET", whole)):  # on one connection
            kept.request(method, f"{place}/result")
            answer = kept.getresponse()
            assert (answer.status, answer.headers["content-length"], answer.read()) == (200, str(len(whole)), sent)
    assert service.ask("DELETE", place)[0] == 204
    assert service.ask("GET", place)[0] == 404
    service.wait_for(lambda: not service.files())


def _png(width: int, height: int) -> bytes:
    """A picture of that size whose pixels are missing."""
    head = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a06_hostile_files_are_refused(
    service: Process, astronaut: Path, no_face: Path, clips: dict[str, bytes]
) -> None:
    face = astronaut.read_bytes()
    for path, fields, status in (
        ("/faceswap", {"source_image": face, "target_image": _png(20_000, 20_000)}, 422),
        ("/faceswap", {"source_image": _png(40_000, 40_000), "target_image": face}, 422),
        ("/faceswap", {"source_image": face, "target_image": face[: len(face) // 2]}, 422),
        ("/faceswap", {"source_image": face, "target_image": no_face.read_bytes()}, 422),
        ("/faceswap", {"source_image": face, "target_image": clips["endless"]}, 422),
        ("/faceswap", {"source_image": face, "target_image": b"ffconcat version 1.0\nfile /etc/hostname\n"}, 415),
        ("/lipsync", {"video": clips["endless"], "audio": clips["sound"]}, 422),
        ("/lipsync", {"video": clips["short"], "audio": b"#EXTM3U\n/etc/hostname\n"}, 415),
        ("/lipsync", {"video": clips["short"][:3000], "audio": clips["sound"]}, 422),
    ):
        answer = service.ask("POST", path, *form(**fields))
        problem = json.loads(answer[2])
        assert answer[0] == status, (path, problem)
        assert "/" not in problem["detail"]
        assert str(service.home) not in json.dumps(problem)
    service.wait_for(lambda: not service.files())


def test_a01_a_client_that_sends_too_much_still_gets_its_answer(service: Process) -> None:
    body, headers = form(source_image=b"\xff\xd8\xff\xe0" + bytes(7_000_000))
    status, _, content = service.ask("POST", "/faceswap", body, headers)
    assert (status, json.loads(content)["code"]) == (413, "too-large")


def test_a02_chunks_without_end_are_stopped(service: Process) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as connection:
        head = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n\0\0\0\x18ftypisom'
        connection.sendall(
            b"POST /lipsync HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(head), head)
        )
        for _ in range(60):
            connection.sendall(b"%x\r\n%s\r\n" % (100_000, bytes(100_000)))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("how", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
def test_an_early_answer_arrives_though_the_connection_is_to_be_closed(service: Process, how: bytes) -> None:
    """As proxies speak to us: closing while they still send would have their system throw the answer away."""
    body = bytes(3_000_000)
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /faceswap %s\r\nHost: x\r\nAccept: text/html\r\nContent-Length: %d\r\n\r\n" % (how, len(body))
        )
        connection.sendall(body)
        answer = _rest(connection)
    assert answer.startswith(b"HTTP/1.1 406 ")
    assert answer.endswith(b"}")


def test_nonsense_after_an_answer_ends_the_connection_and_nothing_else(service: Process) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /faceswap HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
        )
        answer = connection.recv(65536)
        connection.sendall(b"zz\r\n")
        answer += _rest(connection)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert "Fatal error" not in service.said()


def _rest(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def test_a10_a_client_that_goes_away_ends_its_job(service: Process, clips: dict[str, bytes]) -> None:
    cancelled = 'facefusion_jobs_total{kind="lipsync",outcome="cancelled"}'
    before = service.metric(cancelled)
    connection = service.begin("POST", "/lipsync", *form(video=clips["long"], audio=clips["sound"], fit="video"))
    service.wait_for(lambda: service.metric("facefusion_running"))
    connection.close()
    service.wait_for(lambda: not service.metric("facefusion_running"))
    assert service.metric(cancelled) == before + 1
    service.wait_for(lambda: not service.files())


def test_a16_it_answers_while_it_works(service: Process, clips: dict[str, bytes]) -> None:
    body, headers = form(video=clips["long"], audio=clips["sound"], fit="video")
    place = service.ask("POST", "/jobs/lipsync", body, headers)[1]["location"]
    service.wait_for(lambda: json.loads(service.ask("GET", place)[2])["state"] == "running")
    for _ in range(20):
        assert service.ask("GET", "/health")[0] == 200
    assert json.loads(service.ask("GET", place)[2])["state"] == "running"  # the answers came meanwhile
    assert service.ask("DELETE", place)[0] == 204
    service.wait_for(lambda: json.loads(service.ask("GET", place)[2])["state"] == "cancelled")


def test_what_is_no_http_gets_a_problem(service: Process) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        received = _rest(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    problem = json.loads(body)
    assert problem["code"] == "bad-request"
    service.wait_for(lambda: problem["request_id"] in service.said())


def test_more_connections_than_there_is_room_for_are_closed_at_once(tmp_path: Path) -> None:
    service = Process(tmp_path / "home", files=200)
    with contextlib.ExitStack() as stack:
        many = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE))
            for _ in range(150)
        ]
        for connection in many[60:]:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        many[0].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert many[0].recv(100).startswith(b"HTTP/1.1 200 ")
    service.wait_for(lambda: _answers(service))
    assert service.end(signal.SIGTERM) == 143
    assert "out of system resource" not in service.said()


def _answers(service: Process) -> bool:
    with contextlib.suppress(OSError):
        return service.ask("GET", "/health")[0] == 200
    return False


def test_a_key_from_the_environment_is_kept_secret(tmp_path: Path) -> None:
    service = Process(tmp_path / "home", "-v", env={"FACEFUSION_API_KEY": "secret-key"})
    assert service.ask("GET", "/metrics")[0] == 401
    assert service.ask("GET", "/metrics", headers={"Authorization": "Bearer secret-key"})[0] == 200
    assert service.end(signal.SIGINT) == 130
    assert "secret-key" not in service.said()


def test_a17_weights_that_are_missing_are_said(tmp_path: Path, swap: Any) -> None:
    service = Process(tmp_path / "home", "--engine", "inswapper")
    service.wait_for(lambda: "inswapper" in service.said())
    status, _, content = service.ask("GET", "/ready")
    problem = json.loads(content)
    assert (status, problem["code"]) == (503, "not-ready")
    service.wait_for(lambda: "inswapper" in json.loads(service.ask("GET", "/ready")[2])["detail"])
    assert service.ask("GET", "/health")[0] == 200
    status, answered, content = service.ask("POST", "/faceswap", *swap)
    assert (status, json.loads(content)["code"]) == (503, "not-ready")
    assert answered["retry-after"]
    assert service.end(signal.SIGTERM) == 143


def test_a_device_that_cannot_be_had_ends_it(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "facefusion_cli", "serve", "--port", "0", "--device", "cuda:63"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={"FACEFUSION_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 5
    assert "error: " in run.stderr
    assert "Traceback" not in run.stderr


def test_a15_what_is_under_way_is_finished_first(tmp_path: Path, swap: Any) -> None:
    service = Process(tmp_path / "home").ready()
    connection = service.begin("POST", "/faceswap", *swap)
    service.wait_for(lambda: service.metric("facefusion_running"))
    service.process.send_signal(signal.SIGTERM)
    with contextlib.closing(connection):
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:3]) == (200, b"\xff\xd8\xff")
    assert service.process.wait(PATIENCE) == 143
    assert sorted(path.name for path in service.home.iterdir() if "serve" in path.name) == []


def test_a15_what_is_not_done_in_time_is_answered_for(tmp_path: Path, clips: dict[str, bytes]) -> None:
    service = Process(tmp_path / "home", "--grace", "1").ready()
    waiting = service.begin("POST", "/lipsync", *form(video=clips["long"], audio=clips["sound"], fit="video"))
    service.wait_for(lambda: service.metric("facefusion_running"))
    with contextlib.closing(waiting), socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as half:
        half.sendall(
            b"POST /faceswap HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 1000\r\n\r\n--b\r\n"
        )
        service.wait_for(lambda: service.metric("facefusion_reserved"))
        service.process.send_signal(signal.SIGTERM)
        answer = waiting.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (503, "shutting-down")
        assert _rest(half).startswith(b"HTTP/1.1 503 ")
    assert service.process.wait(PATIENCE) == 143
    assert "Traceback" not in service.said()
    assert sorted(path.name for path in service.home.iterdir() if "serve" in path.name) == []


def test_a15_a_second_signal_ends_it_at_once(tmp_path: Path, clips: dict[str, bytes]) -> None:
    service = Process(tmp_path / "home", "--grace", "3600").ready()
    connection = service.begin("POST", "/lipsync", *form(video=clips["long"], audio=clips["sound"], fit="video"))
    service.wait_for(lambda: service.metric("facefusion_running"))
    service.process.send_signal(signal.SIGTERM)
    service.wait_for(lambda: "ending" in service.said())
    time.sleep(0.4)  # sooner it would be the same wish
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(PATIENCE) == 143
    assert sorted(path.name for path in service.home.iterdir() if "serve" in path.name) == []
    connection.close()
