"""A service that does nothing, and a client without a network, for tests of the HTTP routes."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from facefusion_cli.api.orders import Order
    from facefusion_cli.api.settings import ServeSettings
    from facefusion_cli.api.work.admission import NotAdmitted, Reservation
    from facefusion_cli.api.work.job import Failure, Job
    from facefusion_cli.api.work.reports import Readiness, Stats

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)
MP4 = b"\0\0\0\x18ftypisom" + bytes(200)
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(200)
GONE = object()
"""In place of a piece of a body: the client goes away."""


class FakeService:
    """All that the routes want of ``Service``, without a process; jobs are done at once, or when a test says so."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.at_once = True
        self.ready = True
        self.refusal: NotAdmitted | None = None
        self.failure: Failure | None = None
        self.notes: tuple[str, ...] = ()
        self.content = b"result"
        self.jobs: list[Job] = []
        self.sent: list[dict[str, bytes]] = []
        """What lay in the folder of each order."""
        self.cancelled: list[Job] = []
        self.released: list[Job] = []
        self.places = 0

    @property
    def readiness(self) -> Readiness:
        from facefusion_cli.api.work.reports import Readiness

        reasons = () if self.ready else ("the weights of the inswapper engine are missing.",)
        return Readiness(self.ready, reasons, {"faceswap": "mesh", "lipsync": "mouth"}, (), "cpu", False)

    def reserve(self) -> Reservation:
        from facefusion_cli.api.work.admission import Reservation

        if self.refusal is not None:
            raise self.refusal
        self.places += 1

        def give_back(_: Reservation) -> None:
            self.places -= 1

        return Reservation(give_back)

    def new_folder(self) -> Path:
        folder = self.root / f"order{len(self.sent)}-{len(list(self.root.iterdir()))}"
        folder.mkdir(mode=0o700)
        return folder

    def discard(self, folder: Path) -> None:
        shutil.rmtree(folder)

    def submit(self, order: Order, reservation: Reservation | None = None, *, keep: bool) -> Job:
        from facefusion_cli.api.work.job import Job

        self.sent.append({path.name: path.read_bytes() for path in order.folder.iterdir()})
        job = Job(order, keep=keep, engine=self.readiness.engines[order.kind])
        self.jobs.append(job)
        if self.at_once:
            self.finish(job)
        return job

    def finish(self, job: Job) -> None:
        job.begin()
        if self.failure is not None:
            job.end("failed", failure=self.failure)
        else:
            job.order.output.write_bytes(self.content)
            job.end("done", result=job.order.output, notes=self.notes)

    def job(self, id: str) -> Job | None:
        return next((job for job in self.jobs if job.id == id and job.keep and job not in self.released), None)

    def cancel(self, job: Job) -> None:
        self.cancelled.append(job)
        job.end("cancelled")

    def release(self, job: Job) -> None:
        if not job.ended:
            self.cancel(job)
        self.released.append(job)
        shutil.rmtree(job.order.folder, ignore_errors=True)

    def stats(self) -> Stats:
        from facefusion_cli.api.work.reports import Stats, Summary

        return Stats(
            queued=1,
            running=2,
            reserved=self.places,
            capacity=9,
            workers=1,
            workers_ready=1,
            restarts=3,
            jobs={("faceswap", "done"): 4, ("lipsync", "no-face"): 5},
            stages={("faceswap", "waiting"): Summary(4, 0.5)},
            durations={"faceswap": Summary(4, 8.0)},
            weights={"inswapper_128": False},
        )


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def form(*parts: tuple[str, bytes | str] | tuple[str, bytes | str, str]) -> tuple[dict[str, str], bytes]:
    """Headers and body of a multipart form: (field, text) or (field, content, file name)."""
    body = b""
    for name, content, *file_name in parts:
        given = f'; filename="{file_name[0]}"' if file_name else ""
        data = content.encode() if isinstance(content, str) else content
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{given}\r\n\r\n'.encode() + data + b"\r\n"
    return {"content-type": "multipart/form-data; boundary=b"}, body + b"--b--\r\n"


class Client:
    """Calls an application as a server would."""

    form = staticmethod(form)
    PNG, JPEG, MP4, WAV, GONE = PNG, JPEG, MP4, WAV, GONE

    def __init__(self, root: Path) -> None:
        self.service = FakeService(root)
        self.seen: list[int] = []
        """Bytes of the body that were asked for, of each request."""

    def app(self, settings: ServeSettings | None = None) -> Any:
        from facefusion_cli.api.app import create_app
        from facefusion_cli.api.settings import ServeSettings

        return create_app(settings or ServeSettings(), self.service)  # type: ignore[arg-type]

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[Any] = b"",
        *,
        settings: ServeSettings | None = None,
        on_send: Callable[[dict[str, Any]], Any] | None = None,
        leaves: asyncio.Event | None = None,
    ) -> Answer:
        """One request; with a body in pieces, without its length. The client goes away once ``leaves`` is set."""
        app = self.app(settings)
        return asyncio.run(self.ask_app(app, method, path, headers, body, on_send=on_send, leaves=leaves))

    async def ask_app(
        self,
        app: Any,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[Any] = b"",
        *,
        on_send: Callable[[dict[str, Any]], Any] | None = None,
        leaves: asyncio.Event | None = None,
    ) -> Answer:
        """The same, inside a loop."""
        given = dict(headers or {})
        if isinstance(body, bytes):
            given.setdefault("content-length", str(len(body)))
            body = [body]
        pieces: Iterator[Any] = iter(body)
        answer, count = Answer(), len(self.seen)
        self.seen.append(0)
        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            if ended:
                await (leaves or asyncio.Event()).wait()  # a client that waits for its answer
                return {"type": "http.disconnect"}
            piece = next(pieces, None)
            if piece is GONE:
                return {"type": "http.disconnect"}
            if asyncio.iscoroutine(piece):
                await piece
                piece = b""
            ended = piece is None
            data = piece if isinstance(piece, bytes) else b""
            self.seen[count] += len(data)
            return {"type": "http.request", "body": data, "more_body": not ended}

        async def send(message: dict[str, Any]) -> None:
            if on_send is not None and asyncio.iscoroutine(wait := on_send(message)):
                await wait
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {key.decode().lower(): value.decode() for key, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in given.items()],
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        await app(scope, receive, send)
        return answer


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Talks to the routes with a service that does nothing behind them, whose files lie below ``tmp_path``."""
    root = tmp_path / "orders"
    root.mkdir()
    return Client(root)
