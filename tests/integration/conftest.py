"""Servers and disks that behave as such things do, and as they should not."""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import struct
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from facefusion_cli.core.weights import catalog as catalogs
from facefusion_cli.core.weights import provision as provisions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from facefusion_cli.core.weights.catalog import HubSource, Source
    from facefusion_cli.core.weights.store import Store
    from facefusion_cli.core.weights.watcher import Stage

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""


@dataclass(frozen=True)
class Reply:
    """What a server answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    """Whether a Range is honoured."""
    length: int | None = None
    """Of the Content-Length, if that is not true; -1: none is named."""
    stop_at: int | None = None
    """Number of bytes of the body after which something happens, counted from its very start."""
    ending: Literal["close", "reset", "hang", "trickle", "go on"] = "close"
    """What happens then."""
    when: threading.Event | None = None
    """It happens only after this."""


class Server:
    """Answers requests for paths with the replies given for them, and remembers what it was asked."""

    reply = Reply

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._ended = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner._answer(self)

            do_HEAD = do_GET  # noqa: N815, named so by http.server
            do_CONNECT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients go away as they like."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def on(self, path: str, *replies: Reply, method: str = "GET") -> str:
        """Answer requests for a path with one reply after the other, the last one again and again; the full address."""
        self._replies[method, path] = list(replies)
        return self.url + path

    def gets(self, path: str | None = None) -> list[Seen]:
        """The downloads that were begun."""
        return [seen for seen in self.seen if seen.method == "GET" and path in (None, seen.path)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path) if handler.command != "CONNECT" else handler.path
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.seen.append(Seen(handler.command, path, headers))
        replies = self._replies.get((handler.command, path), [Reply(b"nothing here", 404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        body, status, more = reply.body, reply.status, dict(reply.headers)
        start = 0
        if status == 200 and reply.ranges and (wanted := headers.get("range", "")).startswith("bytes="):
            tag = headers.get("if-range")
            if tag in (None, more.get("ETag"), more.get("Last-Modified")):
                start, status = int(wanted[len("bytes=") :].rstrip("-")), 206
                more["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                if start >= len(body):
                    status, body, start = 416, b"", 0
        if reply.ending == "hang" and reply.stop_at is None:
            self._ended.wait()
            return
        handler.send_response(status)
        length = len(body) - start if reply.length is None else reply.length
        for name, value in more.items():
            handler.send_header(name, value)
        if length >= 0 and "Content-Length" not in more:
            handler.send_header("Content-Length", str(length))
        if length < 0:
            handler.close_connection = True
            handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command == "HEAD":
            return
        handler.wfile.write(body[start : reply.stop_at])
        handler.wfile.flush()
        if reply.stop_at is not None:
            self._end(handler, reply)

    def _end(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.close_connection = True
        if reply.when is not None:
            reply.when.wait(60)
        if reply.ending == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        elif reply.ending == "hang":
            self._ended.wait()
        elif reply.ending == "go on":
            handler.wfile.write(reply.body[reply.stop_at :])
        elif reply.ending == "trickle":
            for byte in reply.body[reply.stop_at :]:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if self._ended.wait(0.02):
                    return


class Hub(Server):
    """A hub as huggingface_hub knows it: metadata on HEAD, the file itself on another server (``cdn``)."""

    def __init__(self, cdn: Server) -> None:
        super().__init__()
        self.cdn = cdn

    def path(self, source: HubSource) -> str:
        kind = "datasets/" if source.repo_type == "dataset" else ""
        return f"/{kind}{source.repo_id}/resolve/{source.revision or 'main'}/{source.path}"

    def publish(
        self, source: HubSource, body: bytes, *replies: Reply, sha256: str | None = None, size: int | None = None
    ) -> str:
        """Have a file; its path on the cdn. ``replies`` are the cdn's, by default the whole file."""
        sha256 = sha256 or hashlib.sha256(body).hexdigest()
        known = {
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{sha256}"',
            "X-Linked-Size": str(len(body) if size is None else size),
            "Location": f"{self.cdn.url}/{sha256}?signature=1",
        }
        for method in ("HEAD", "GET"):
            self.on(self.path(source), Reply(b"see there", 302, known), method=method)
        self.cdn.on(f"/{sha256}", *(replies or (Reply(body),)))
        return f"/{sha256}"

    def refuse(self, source: HubSource, status: int, headers: dict[str, str] | None = None) -> None:
        """Answer with an error."""
        for method in ("HEAD", "GET"):
            self.on(self.path(source), Reply(b"no", status, headers or {}), method=method)


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    """Starts a server that knows no path yet."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def mirror(start_server: Callable[[], Server]) -> Server:
    """A plain web server."""
    return start_server()


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxies, and a session of huggingface_hub that knows none."""
    from huggingface_hub import close_session

    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    close_session()
    yield
    close_session()


@pytest.fixture
def use_hub(direct: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes huggingface_hub take an address for the hub's, as ``HF_ENDPOINT`` does at its import."""
    from huggingface_hub import constants

    import facefusion_cli.core  # noqa: F401  (its switches are read at the import of what follows)

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf_cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def use(url: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    use("http://hub.invalid")
    return use


@pytest.fixture
def hub(use_hub: Callable[[str], None], start_server: Callable[[], Server]) -> Iterator[Hub]:
    """A fake hub that huggingface_hub asks in this process; others are told by ``hub_environment``."""
    hub = Hub(start_server())
    use_hub(hub.url)
    yield hub
    hub.stop()


@pytest.fixture
def hub_environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """Variables that make a process of its own use the fake hub."""
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf_home"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "*"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path, hopper: Path) -> Path:
    """The current folder, with a.png and b.jpg, which show a face each."""
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copy(astronaut, folder / "a.png")
    shutil.copy(hopper, folder / "b.jpg")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def body() -> bytes:
    """What the weight of ``store_of`` holds."""
    return random.Random(3).randbytes(300_000)


class Recorder:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, Stage]] = []
        self.counts: list[int] = []
        self.notes: list[str] = []
        self.at: dict[int, Callable[[], None]] = {}
        """Called when that many bytes are there."""

    def stage(self, name: str, stage: Stage) -> None:
        self.stages.append((name, stage))

    def progress(self, name: str, done: int, total: int) -> None:
        self.counts.append(done)
        for count in [count for count in self.at if done >= count]:
            self.at.pop(count)()

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def when(self, count: int) -> threading.Event:
        """Set when that many bytes are there."""
        event = threading.Event()
        self.at[count] = event.set
        return event


@pytest.fixture
def watcher() -> Recorder:
    return Recorder()


@pytest.fixture
def store_of(tmp_path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Store]:
    """Makes a store for one weight, "net", that has the sources given."""
    from facefusion_cli.core.weights import stream
    from facefusion_cli.core.weights.catalog import Catalog, Licence, Weight
    from facefusion_cli.core.weights.store import Store

    monkeypatch.setattr(stream, "PAUSE_SECONDS", 0.0)

    def make(*sources: Source, folder: Path | None = None) -> Store:
        weight = Weight(
            name="net",
            file="net.onnx",
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            purpose="is fetched",
            licence=Licence("toys", "Toys: for play only", "https://toys.test/licence"),
            form="onnx",
            sources=sources,
        )
        return Store(folder or tmp_path / "models", Catalog((weight,), ()))

    return make


def _model(nodes: Sequence[Any], inputs: dict[str, Any], outputs: dict[str, Any], weights: dict[str, Any]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "stand-in",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(made.SerializeToString())


def _blind_detector() -> bytes:
    """SCRFD's nine outputs for 640 x 640, all of nothing."""
    from onnx import helper

    nodes = [helper.make_node("GlobalAveragePool", ["input.1"], ["mean"])]
    weights: dict[str, Any] = {"zero": np.float32(0), "axes": np.array([0, 1, 2, 3])}
    nodes.append(helper.make_node("ReduceMean", ["mean"], ["number"], axes=[0, 1, 2, 3], keepdims=0))
    nodes.append(helper.make_node("Mul", ["number", "zero"], ["nothing"]))
    outputs = {}
    for kind, size in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            name, rows = f"{kind}_{stride}", 2 * (640 // stride) ** 2
            weights[f"{name}_zeros"] = np.zeros((rows, size), np.float32)
            nodes.append(helper.make_node("Add", [f"{name}_zeros", "nothing"], [name]))
            outputs[name] = [rows, size]
    del weights["axes"]
    return _model(nodes, {"input.1": [1, 3, 640, 640]}, outputs, weights)


def _colour_recogniser() -> bytes:
    """512 numbers that point where the crop's mean colour lies from grey."""
    from onnx import helper

    plane = np.linalg.qr(np.random.default_rng(5).normal(size=(512, 3)))[0].T.astype(np.float32)
    from_grey = np.eye(3, dtype=np.float32) - np.float32(1 / 3)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input.1"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
        helper.make_node("MatMul", ["colour", "turn"], ["683"]),
    ]
    return _model(nodes, {"input.1": ["None", 3, 112, 112]}, {"683": ["None", 512]}, {"turn": from_grey @ plane})


def _striping_swapper() -> bytes:
    """The crop plus stripes as strong as the first three numbers of the identity say; a mere shift of colour would be
    matched away."""
    from onnx import helper

    random = np.random.default_rng(6)
    weights = {
        "from": np.array([0]),
        "to": np.array([3]),
        "axis": np.array([1]),
        "shape": np.array([-1, 3, 1, 1]),
        "wave": np.sin(np.arange(128) / 5).astype(np.float32).reshape(1, 1, 1, 128) * np.float32(6),
        "low": np.float32(0),
        "high": np.float32(1),
        "emap": (random.normal(size=(512, 512)) / np.sqrt(512)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["source", "from", "to", "axis"], ["three"]),
        helper.make_node("Reshape", ["three", "shape"], ["colour"]),
        helper.make_node("Mul", ["colour", "wave"], ["shift"]),
        helper.make_node("Add", ["target", "shift"], ["shifted"]),
        helper.make_node("Clip", ["shifted", "low", "high"], ["output"]),
    ]
    picture = [1, 3, 128, 128]
    return _model(nodes, {"target": picture, "source": [1, 512]}, {"output": picture}, weights)


@pytest.fixture(scope="session")
def _stand_in_networks() -> dict[str, bytes]:
    return {"det_10g": _blind_detector(), "w600k_r50": _colour_recogniser(), "inswapper_128": _striping_swapper()}


@pytest.fixture
def stand_ins(_stand_in_networks: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The weights of the engine inswapper, stored where they usually are, by networks that stand in for the real ones.

    The detector finds nothing, so that all faces are the embedded detector's; the recognition network tells people by
    their colour; the swapper adds stripes as strong as the identity says.
    """
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    real = catalogs.catalog()
    standing_in = replace(
        real,
        weights=tuple(
            replace(weight, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            if (data := _stand_in_networks.get(weight.name))
            else weight
            for weight in real.weights
        ),
    )
    monkeypatch.setattr(catalogs, "catalog", lambda: standing_in)
    monkeypatch.setattr(provisions, "catalog", lambda: standing_in)
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    for name, data in _stand_in_networks.items():
        (folder / standing_in.weight(name).stored_file).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def _small_wav2lip() -> bytes:
    """A stored checkpoint of Wav2Lip with random weights, all channels a sixteenth of the published ones."""
    from safetensors.numpy import save

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
        import _replica_wav2lip

        return bytes(save(dict(_replica_wav2lip.random_state(width=1))))


@pytest.fixture
def small_wav2lip(_small_wav2lip: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The weights of the engines wav2lip and wav2lip-gan, stored where they usually are: both the same small network.

    It takes and gives what the real one does, and answers in shades of grey. The folder; ``Tools(Provision())`` and the
    command, in this process and in others, find them there.
    """
    from facefusion_cli.core.weights.markers import Marker, write_markers

    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "models"
    (folder / ".facefusion").mkdir(parents=True)
    for name in ("wav2lip", "wav2lip_gan"):
        weight = catalogs.catalog().weight(name)
        (folder / weight.stored_file).write_bytes(_small_wav2lip)
        status, sha256 = (folder / weight.stored_file).stat(), hashlib.sha256(_small_wav2lip).hexdigest()
        marker = Marker(weight.sha256, sha256, status.st_size, status.st_mtime_ns, unverified=False)
        write_markers(folder / ".facefusion" / f"{name}.json", marker)
    return folder
