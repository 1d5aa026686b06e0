"""The queue, without processes: who gets in, who is next, what remains, and for how long."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.api.orders import SwapOrder
from facefusion_cli.api.settings import Limits, ServeSettings
from facefusion_cli.api.work import service as module
from facefusion_cli.api.work.admission import Draining, NotReady, QueueFull
from facefusion_cli.api.work.guards import TooLargeError
from facefusion_cli.api.work.job import Failure
from facefusion_cli.api.work.messages import Done, Failed, Progress, Ready, Stopped, Unready, decode, encode
from facefusion_cli.api.work.pace import Pace
from facefusion_cli.api.work.reporter import Reporter
from facefusion_cli.api.work.service import Service
from facefusion_cli.api.work.worker import Outcome
from facefusion_cli.core.batch.run import Cancelled
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from facefusion_cli.api.work.job import Job


class Hand:
    """A worker that does what the test says."""

    made: list[Hand]

    def __init__(self, _setup: object, watch: Service, _seconds: float) -> None:
        self.watch = watch
        self.condition, self.device_refused = "ready", False
        self.reasons: tuple[str, ...] = ()
        self.ready = Ready({"faceswap": "mesh", "lipsync": "mouth"}, ["a note."], "cpu", {})
        self.weights = {"wav2lip": True}
        self.restarts = self.pid = 0
        self.job: Job | None = None
        self.since = 0.0
        self.stopped: list[str] = []
        Hand.made.append(self)

    @property
    def idle(self) -> bool:
        return self.condition == "ready" and self.job is None

    @property
    def hopeful(self) -> bool:
        return self.condition in ("ready", "again")

    def start(self) -> None:
        pass

    def do(self, job: Job) -> None:
        assert self.idle
        self.job, self.since = job, time.monotonic()

    def stop(self, ending: str) -> None:
        if self.job is not None:
            self.stopped.append(ending)
            failure = Failure(ending, "over.", "", 503)
            self.finish(Outcome("cancelled") if ending == "cancelled" else Outcome("failed", failure=failure))

    async def close(self) -> None:
        assert self.job is None

    def become(self, condition: str, *reasons: str) -> None:
        self.condition, self.reasons, self.job = condition, reasons, None
        self.watch.changed(self)  # type: ignore[arg-type]

    def finish(self, outcome: Outcome | None = None) -> None:
        job, self.job = self.job, None
        assert job is not None
        if outcome is None:
            job.order.output.touch()
        self.watch.ended(self, job, outcome or Outcome("done", "mesh", ("a note.",), stages={"swapping": 2.0}))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def hands(monkeypatch: pytest.MonkeyPatch) -> list[Hand]:
    Hand.made = []
    monkeypatch.setattr(module, "Worker", Hand)
    return Hand.made


def order(service: Service) -> SwapOrder:
    folder = service.new_folder()
    source, target = folder / "source.png", folder / "target.png"
    source.touch()
    target.touch()
    return SwapOrder(folder, source, target, folder / "result.png", SwapOptions())


def run(tmp_path: Path, body: Callable[[Service], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def running() -> None:
        service = Service(ServeSettings(**{"work_dir": tmp_path, **settings}))
        await service.start()
        try:
            await body(service)
        finally:
            await service.close(0)

    asyncio.run(running())
    assert not [*tmp_path.iterdir()]


async def errands(service: Service) -> None:
    while service._errands:
        await asyncio.gather(*service._errands)


def test_first_come_first_served_on_two_devices(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        jobs = [service.submit(order(service), keep=False) for _ in range(4)]
        assert [job.state for job in jobs] == ["running", "running", "queued", "queued"]
        assert [job.position for job in jobs] == [0, 0, 1, 2]
        assert service.stats().capacity == 2 * 4
        hands[1].finish()
        assert hands[1].job is jobs[2]
        assert [job.position for job in jobs] == [0, 0, 0, 1]
        hands[0].finish()
        assert hands[0].job is jobs[3]
        assert {job.engine for job in jobs} == {"mesh"}

    run(tmp_path, body, devices=("cpu", "cpu"), queue=3)


def test_places_are_counted(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        running = service.submit(order(service), keep=False)
        held = service.reserve()
        with pytest.raises(QueueFull) as full:
            service.reserve()
        assert full.value.retry_after == 2  # as a first guess has it
        running.advance("swapping", 0.9)
        hands[0].since -= 90
        with pytest.raises(QueueFull) as full:
            service.check_admission()
        assert full.value.retry_after in (10, 11)
        held.release()
        held.release()
        with service.reserve() as held:
            waiting = service.submit(order(service), held, keep=False)
            assert not held.held
        with pytest.raises(QueueFull):
            service.submit(order(service), keep=False)
        service.cancel(waiting)
        service.check_admission()

    run(tmp_path, body, queue=1)


def test_a_place_that_was_given_back_is_no_place(tmp_path: Path) -> None:
    async def body(service: Service) -> None:
        held = service.reserve()
        held.release()
        other = service.reserve()
        with pytest.raises(QueueFull):
            service.submit(order(service), held, keep=False)
        other.release()

    run(tmp_path, body, queue=0)


def test_what_is_kept_is_found_until_it_is_released_or_expires(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        kept, lost = (service.submit(order(service), keep=keep) for keep in (True, False))
        hands[0].finish()
        hands[0].finish()
        await errands(service)
        assert service.job(kept.id) is kept
        assert service.job(lost.id) is None
        assert service.stats().kept == 1
        assert kept.result is not None
        assert [*kept.order.folder.iterdir()] == [kept.result]
        assert (kept.progress, kept.notes) == (1.0, ("a note.",))
        await asyncio.sleep(0.3)
        await errands(service)
        assert service.job(kept.id) is None
        assert not kept.order.folder.exists()
        assert lost.order.folder.exists()
        service.release(lost)
        await errands(service)
        assert not lost.order.folder.exists()

    run(tmp_path, body, keep_seconds=0.2)


def test_to_release_what_runs_is_to_cancel_it(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        running, waiting = (service.submit(order(service), keep=True) for _ in range(2))
        service.release(waiting)
        assert waiting.state == "cancelled"
        service.release(running)
        assert (running.state, hands[0].stopped) == ("cancelled", ["cancelled"])
        await running.wait()
        await errands(service)
        assert not running.order.folder.exists()
        assert not waiting.order.folder.exists()
        assert service.job(running.id) is None
        assert service.stats().jobs == {("faceswap", "cancelled"): 2}
        service.cancel(running)  # of one that has ended: nothing
        assert service.stats().jobs == {("faceswap", "cancelled"): 2}

    run(tmp_path, body)


def test_a_job_is_done_again_by_another_process_once(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        first, second = (service.submit(order(service), keep=False) for _ in range(2))
        (hand,) = hands
        hand.become("again")
        assert service.returned(hand, first)  # type: ignore[arg-type]
        assert (first.state, first.position, second.position) == ("queued", 1, 2)
        hand.become("ready")
        assert hand.job is first
        assert not service.returned(hand, first)  # type: ignore[arg-type]

    run(tmp_path, body)


def test_nobody_waits_for_a_worker_that_cannot_work(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        service.submit(order(service), keep=False)
        waiting = service.submit(order(service), keep=False)
        (hand,) = hands
        hand.finish(Outcome("failed", failure=Failure("device", "gone.", "", 503)))
        assert hand.job is waiting
        last = service.submit(order(service), keep=False)
        hand.become("unable", "the GPU is gone.")
        assert last.failure == Failure("not-ready", "the GPU is gone.", "GET /ready tells when it is.", 503)
        with pytest.raises(NotReady, match=r"^the GPU is gone\.$"):
            service.check_admission()
        assert not service.readiness.ready
        assert service.readiness.reasons == ("the GPU is gone.",)

    run(tmp_path, body)


def test_draining_lets_what_waits_be_done_while_there_is_time(tmp_path: Path, hands: list[Hand]) -> None:
    async def body(service: Service) -> None:
        held = service.reserve()
        jobs = [service.submit(order(service), keep=False) for _ in range(3)]
        closing = asyncio.create_task(service.close(60))
        await asyncio.sleep(0)
        with pytest.raises(Draining):
            service.submit(order(service), held, keep=False)
        hands[0].finish()
        await service.close(0)
        await closing
        assert [job.state for job in jobs] == ["done", "failed", "failed"]
        assert {job.failure.code for job in jobs if job.failure} == {"shutting-down"}

    run(tmp_path, body)


@pytest.mark.parametrize(
    "settings",
    [
        {"engines": ("nobody",)},
        {"engines": ("inswapper", "mesh")},
        {"engines": ("wav2lip", "wav2lip-gan")},
        {"devices": ("quantum",)},
        {"devices": ()},
    ],
)
def test_what_cannot_be_is_told_before_anything_begins(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Service(ServeSettings(**settings))


def test_engines_of_both_kinds_go_together() -> None:
    Service(ServeSettings(engines=("inswapper", "mouth")))
    Service(ServeSettings(engines=("auto",)))


def test_pace_learns_and_tells_the_truth() -> None:
    pace = Pace()
    for seconds in (4.0, 8.0):
        pace.add("faceswap", seconds)
    assert pace.usual("faceswap") == 6.0
    assert pace.left("faceswap", 2.0, 0.0) == 4.0
    assert pace.left("faceswap", 9.0, 0.0) == 9.0
    assert pace.left("lipsync", 30.0, 0.75) == pytest.approx(10.0)
    assert pace.retry_after([]) == 1
    assert pace.retry_after([("faceswap", 2.0, 0.0), ("lipsync", 30.0, 0.75)]) == 4
    assert pace.retry_after([("lipsync", 500.0, 0.1)]) == 600
    for _ in range(16):
        pace.add("faceswap", 1.0)
    assert pace.usual("faceswap") == 1.0


@pytest.mark.parametrize(
    "message",
    [
        Ready({"faceswap": "mesh", "lipsync": "mouth"}, [], "cpu", {"x": True}),
        Unready(["no."], {}, device_refused=True, leaving=True),
        Progress("looking", 0.25),
        Done("mesh", ["ä\nb"], {"looking": 1.5}),
        Failed("bug", "a.", "", 500, {}, "trace\nover\nlines"),
        Stopped(),
    ],
)
def test_messages_come_through(message: Any) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"no", b"[]", b"{}", b'{"is": "Setup"}', b'{"is": "Done"}', b'{"is": ["x"]}', b"1"]
)
def test_what_is_no_message_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        decode(line)


def test_progress_only_grows_and_work_stops_when_it_is_told_to() -> None:
    told: list[Progress] = []
    stop = threading.Event()
    reporter = Reporter("faceswap", Limits(), told.append, stop)
    for stage, total in (("checking", 0), ("probing", 0), ("looking", 4), ("swapping", 4), ("joining", 0)):
        reporter.stage(stage, 0, total)
        for _ in range(total):
            reporter.progress(1, 1)
    reporter.finish()
    parts = [one.progress for one in told]
    assert parts == sorted(parts)
    assert 0.9 < parts[-1] < 1
    assert [*reporter.seconds] == ["checking", "probing", "looking", "swapping", "joining"]
    stop.set()
    with pytest.raises(Cancelled):
        reporter.progress(1, 1)
    with pytest.raises(Cancelled):
        reporter.stage("looking", 0, 1)


def test_more_than_the_header_said_is_noticed_while_it_is_worked_on() -> None:
    reporter = Reporter("lipsync", Limits(seconds=10, frames=100), lambda _: None, threading.Event())
    reporter.stage("listening", 0, 0)
    reporter.progress(10, 0)
    with pytest.raises(TooLargeError, match=r"^the audio lasts 11\.0 s; the limit is 10\.0 s\.$"):
        reporter.progress(1, 0)
    reporter.stage("looking", 0, 100)
    with pytest.raises(TooLargeError, match=r"^the result has 101 frames; the limit is 100\.$"):
        reporter.stage("speaking", 0, 101)
