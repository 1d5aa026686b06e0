"""The service with real processes and the embedded engines: work, its ends of all kinds, and what is left of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import wave
import zlib
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.api.orders import LipSyncOrder, SwapOrder
from facefusion_cli.api.settings import ServeSettings
from facefusion_cli.api.work.admission import Draining, NotReady, QueueFull
from facefusion_cli.api.work.engines import Engines
from facefusion_cli.api.work.reporter import Reporter
from facefusion_cli.api.work.service import Service
from facefusion_cli.core.faces.selection import parse_selection
from facefusion_cli.core.faceswap.inswapper import engine as inswapper
from facefusion_cli.core.faceswap.inswapper.emap import read_emap
from facefusion_cli.core.faceswap.options import People, SwapOptions
from facefusion_cli.core.inference import network
from facefusion_cli.core.inference.examination import open_torch
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from facefusion_cli.api.work.job import Job

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

READY_SECONDS = 60


class Bench:
    """A service on an event loop that stands still between the tests."""

    def __init__(self, runner: asyncio.Runner, settings: ServeSettings) -> None:
        self.runner = runner
        self.service = runner.run(_started(settings))

    def picture(self, source: Path, target: Path, suffix: str = ".png", **options: Any) -> SwapOrder:
        folder = self.service.new_folder()
        one, other = folder / f"source{source.suffix}", folder / f"target{target.suffix}"
        shutil.copyfile(source, one)
        shutil.copyfile(target, other)
        return SwapOrder(folder, one, other, folder / f"result{suffix}", SwapOptions(**options))

    def speech(self, video: Path, audio: Path, **options: Any) -> LipSyncOrder:
        folder = self.service.new_folder()
        one, other = folder / f"video{video.suffix}", folder / f"audio{audio.suffix}"
        shutil.copyfile(video, one)
        shutil.copyfile(audio, other)
        return LipSyncOrder(folder, one, other, folder / "result.mp4", LipSyncOptions(**options))

    def do(self, order: SwapOrder | LipSyncOrder, *, keep: bool = False) -> Job:
        """Have it done, and wait."""

        async def doing() -> Job:
            job = self.service.submit(order, keep=keep)
            await job.wait()
            await _errands(self.service)
            return job

        return self.runner.run(doing())

    def begin(self, order: SwapOrder | LipSyncOrder, stage: str) -> Job:
        """Have it begun, and wait until it is at that stage, with some of it done."""

        async def beginning() -> Job:
            job = self.service.submit(order, keep=False)
            while job.stage != stage or not job.progress > 0.03:
                assert not job.ended, job.failure
                await asyncio.sleep(0.01)
            return job

        return self.runner.run(beginning())

    def wait(self, job: Job) -> None:
        async def waiting() -> None:
            await job.wait()
            await _errands(self.service)

        self.runner.run(waiting())

    def release(self, job: Job) -> None:
        async def releasing() -> None:
            self.service.release(job)
            await _errands(self.service)

        self.runner.run(releasing())

    def ready(self) -> None:
        self.runner.run(_until(lambda: self.service.readiness.ready))

    @property
    def root(self) -> Path:
        assert self.service._root is not None
        return self.service._root.path


async def _started(settings: ServeSettings) -> Service:
    service = Service(settings)
    await service.start()
    return service


async def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def _errands(service: Service) -> None:
    while service._errands:
        await asyncio.gather(*service._errands)


def _sound(path: Path, samples: NDArray[np.float64], *, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def _at_work_below(folder: Path) -> list[str]:
    """Programs whose arguments name something in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("FACEFUSION_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One service for all tests that leave it as it was."""
    place = tmp_path_factory.mktemp("work")
    bench = Bench(runner, ServeSettings(work_dir=place, queue=30))
    bench.ready()
    yield bench
    runner.run(bench.service.close(0))
    assert not [*place.iterdir()]


@pytest.fixture
def another(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes services of their own."""
    made: list[Bench] = []

    def make(*, wait: bool = True, **settings: Any) -> Bench:
        bench = Bench(runner, ServeSettings(**{"work_dir": tmp_path, **settings}))
        made.append(bench)
        if wait:
            bench.ready()
        return bench

    yield make
    for bench in made:
        runner.run(bench.service.close(0))


@pytest.fixture(scope="module")
def small(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """128 x 128 PNG of one face."""
    path = tmp_path_factory.mktemp("small") / "small.png"
    face = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (128, 128), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), face)
    return path


@pytest.fixture(scope="module")
def frames(astronaut: Path) -> list[NDArray[np.uint8]]:
    """200 of 320 x 240 in which a face moves a little."""
    portrait = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (220, 220), interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(200):
        frame = np.full((240, 320, 3), (90, 110, 120), np.uint8)
        left = 10 + number % 80
        frame[10:230, left : left + 220] = portrait
        frames.append(frame)
    return frames


@pytest.fixture(scope="module")
def film(clip: Callable[..., Path], frames: list[NDArray[np.uint8]]) -> Path:
    """8 seconds, which take some seconds to work on."""
    return clip(frames)


@pytest.fixture(scope="module")
def short(clip: Callable[..., Path], frames: list[NDArray[np.uint8]]) -> Path:
    """Six frames."""
    return clip(frames[:6])


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of something that rises and falls."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    t = np.arange(16000) / 16000
    samples = np.sin(2 * np.pi * 200 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 20000
    return _sound(path, samples, rate=16000)


def test_a_picture_gets_a_face_and_only_that_is_left(bench: Bench, astronaut: Path, hopper: Path) -> None:
    order = bench.picture(astronaut, hopper, ".jpg")
    assert stat.S_IMODE(order.folder.stat().st_mode) == stat.S_IMODE(bench.root.stat().st_mode) == 0o700
    job = bench.do(order, keep=True)
    assert (job.state, job.engine, job.progress, job.failure) == ("done", "mesh", 1.0, None)
    assert job.result == order.output
    assert read_picture(order.output).bgr.shape == read_picture(hopper).bgr.shape
    assert [*order.folder.iterdir()] == [order.output]
    assert bench.service.job(job.id) is job
    assert job.created <= job.started <= job.finished  # type: ignore[operator]
    bench.release(job)
    assert bench.service.job(job.id) is None
    assert not order.folder.exists()


def test_a_second_of_speech(bench: Bench, astronaut: Path, voice: Path) -> None:
    order = bench.speech(astronaut, voice)
    job = bench.do(order)
    assert (job.state, job.engine) == ("done", "mouth"), job.failure
    video = probe(order.output)
    assert video.frames == 25
    assert video.audio
    stages = {stage for kind, stage in bench.service.stats().stages if kind == "lipsync"}
    assert stages == {"waiting", "checking", "probing", "listening", "looking", "speaking", "joining"}
    assert not [*bench.root.rglob("*.work")]
    bench.release(job)


def test_a32_nothing_of_an_order_that_fails_is_left(
    bench: Bench, home: Path, astronaut: Path, no_face: Path, film: Path
) -> None:
    for target in (no_face, film):
        order = bench.picture(no_face if target is film else astronaut, target, target.suffix)
        job = bench.do(order)
        assert (job.state, job.failure and job.failure.code, job.failure and job.failure.status) == (
            "failed",
            "no-face",
            422,
        )
        assert job.failure is not None
        named = "target" if target is no_face else "source"
        assert job.failure.message == f"no face was found in the {named} picture."
        assert not order.folder.exists()
    assert not [*home.glob("state/work-folders/*")]


def test_a09_one_job_at_a_time_in_the_order_in_which_they_came(bench: Bench, small: Path) -> None:
    async def many() -> list[Job]:
        jobs = [bench.service.submit(bench.picture(small, small), keep=False) for _ in range(20)]
        assert [job.position for job in jobs] == list(range(20))
        while not all(job.ended for job in jobs):
            assert sum(job.state == "running" for job in jobs) <= 1
            await asyncio.sleep(0.005)
        return jobs

    jobs = bench.runner.run(many())
    assert {job.state for job in jobs} == {"done"}
    ended = [job.finished for job in jobs]
    assert ended == sorted(ended)  # type: ignore[type-var]
    for earlier, later in pairwise(jobs):
        assert earlier.finished <= later.started  # type: ignore[operator]
    for job in jobs:
        bench.release(job)


@linux
def test_a10_a_running_job_that_is_cancelled_frees_the_device_and_a_waiting_one_goes_at_once(
    bench: Bench, astronaut: Path, film: Path, small: Path
) -> None:
    processes = bench.service.processes
    running = bench.begin(bench.picture(astronaut, film, ".mp4"), "looking")
    waiting = bench.picture(small, small)
    following = bench.picture(small, small)

    async def cancel() -> tuple[Job, Job]:
        second = bench.service.submit(waiting, keep=False)
        third = bench.service.submit(following, keep=False)
        assert (second.position, third.position) == (1, 2)
        bench.service.cancel(second)
        assert (second.state, third.position) == ("cancelled", 1)
        bench.service.cancel(running)
        return second, third

    second, third = bench.runner.run(cancel())
    bench.wait(third)
    assert (running.state, second.state, third.state) == ("cancelled", "cancelled", "done")
    assert not running.order.folder.exists()
    assert not second.order.folder.exists()
    assert not _at_work_below(running.order.folder)
    assert bench.service.processes == processes  # nothing had to be loaded again
    bench.release(third)


@linux
def test_a_process_that_does_not_listen_is_killed_and_replaced(
    bench: Bench, astronaut: Path, film: Path, small: Path
) -> None:
    running = bench.begin(bench.picture(astronaut, film, ".mp4"), "looking")
    (process,) = bench.service.processes
    os.kill(process, signal.SIGSTOP)
    bench.release(running)
    bench.wait(running)
    assert running.state == "cancelled"
    assert not running.order.folder.exists()
    assert not _at_work_below(running.order.folder)
    assert bench.do(bench.picture(small, small)).state == "done"
    assert bench.service.processes != (process,)


@posix
def test_only_the_service_decides_when_a_process_ends(bench: Bench, small: Path) -> None:
    (process,) = bench.service.processes
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process, signum)
    job = bench.do(bench.picture(small, small))
    assert job.state == "done"
    assert bench.service.processes == (process,)
    assert os.getsid(process) == process  # Ctrl-C in a terminal does not even reach it


@linux
@pytest.mark.parametrize("stage", ["looking", "swapping"])
def test_f24_a14_a_process_that_dies_takes_one_job_with_it(
    bench: Bench, home: Path, astronaut: Path, film: Path, small: Path, stage: str
) -> None:
    restarts = bench.service.stats().restarts
    running = bench.begin(bench.picture(astronaut, film, ".mp4"), stage)
    (process,) = bench.service.processes
    os.kill(process, signal.SIGKILL)
    waiting = bench.picture(small, small)
    job = bench.do(waiting)  # taken although the process is only being started again
    assert job.state == "done"
    assert running.state == "failed"
    assert running.failure is not None
    assert (running.failure.code, running.failure.status) == ("worker-crashed", 500)
    assert not running.order.folder.exists()
    assert not _at_work_below(running.order.folder)
    assert bench.service.stats().restarts == restarts + 1
    assert bench.service.stats().jobs["faceswap", "worker-crashed"] >= 1
    assert not [*home.glob("state/work-folders/*")]
    bench.ready()


@linux
def test_a_job_that_a_dead_process_was_given_is_done_by_the_next_one(bench: Bench, small: Path) -> None:
    (process,) = bench.service.processes
    os.kill(process, signal.SIGKILL)
    job = bench.do(bench.picture(small, small))
    assert job.state == "done"
    assert bench.service.processes != (process,)


def test_options_and_engines_that_cannot_be(bench: Bench, small: Path) -> None:
    order = bench.picture(small, small, engine="inswapper")
    job = bench.do(order)
    assert job.failure is not None
    assert (job.failure.status, job.failure.message) == (422, 'the engine "inswapper" is not loaded.')
    assert job.failure.hint == 'This service has "mesh".'
    job = bench.do(bench.picture(small, small, face=parse_selection("7", name="face", several=True)))
    assert job.failure is not None
    assert (job.failure.status, job.failure.code) == (422, "face-index")
    assert "the target picture" in job.failure.message


def test_persons_are_told_apart_only_with_weights(bench: Bench, small: Path, voice: Path) -> None:
    swap = bench.do(bench.picture(small, small, people=People(reference=small)))
    speech = bench.do(bench.speech(small, voice, reference=small))
    for job in (swap, speech):
        assert job.failure is not None
        assert (job.failure.status, job.failure.code) == (422, "usage")
        assert "tell persons apart" in job.failure.message


def test_what_is_something_else_or_damaged(bench: Bench, tmp_path: Path, small: Path, voice: Path, film: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(small.read_bytes()[:3000])
    empty = tmp_path / "empty.wav"
    empty.touch()
    moov = tmp_path / "cut.mp4"
    moov.write_bytes(film.read_bytes()[:5000])
    cases: list[tuple[SwapOrder | LipSyncOrder, int, str]] = [
        (bench.picture(text, small), 415, "the source picture is not a picture."),
        (bench.picture(voice, small), 415, "the source picture is a sound file, which cannot be used as a picture."),
        (bench.picture(small, cut), 422, "the target picture is damaged or incomplete."),
        (bench.speech(small, empty), 422, "the audio is empty."),
        (bench.speech(small, text), 415, "the audio is not a sound or video file of a format that is read."),
        (bench.speech(moov, voice), 422, "the video is damaged: its index is missing."),
        (bench.speech(voice, voice), 415, "the video is a sound file, where a video is needed."),
    ]
    for order, status, message in cases:
        if isinstance(order, LipSyncOrder) and order.video.suffix == ".wav":
            order = replace(order, video=order.video.rename(order.video.with_suffix(".mp4")))
        job = bench.do(order)
        assert job.failure is not None
        assert (job.failure.status, job.failure.message) == (status, message)


def test_a06_b08_b53_b54_bombs_are_refused_by_their_headers(
    bench: Bench, tmp_path: Path, ffmpeg: str, small: Path, voice: Path
) -> None:
    day, large, bomb = tmp_path / "day.mp4", tmp_path / "large.mp4", tmp_path / "bomb.png"
    make = [ffmpeg, "-loglevel", "error", "-f", "lavfi", "-i"]
    fast = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([*make, "color=size=64x64:rate=1/60:duration=86400", *fast, day], check=True)
    subprocess.run([*make, "color=size=8192x8192:rate=25", "-frames:v", "3", *fast, large], check=True)
    shutil.copyfile(small, bomb)
    data = bytearray(bomb.read_bytes())
    data[16:24] = (20000).to_bytes(4, "big") * 2  # width and height, as the header has them
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    bomb.write_bytes(data)
    cases: list[tuple[SwapOrder | LipSyncOrder, str]] = [
        (bench.picture(small, day, ".mp4"), "the target video lasts 24:00:00; the limit is 10:00."),
        (bench.speech(day, voice), "the video lasts 24:00:00; the limit is 10:00."),
        (bench.picture(small, large, ".mp4"), "8192 x 8192 pixels; the limit is 4096 x 2304."),
        (bench.picture(bomb, small), "20000 x 20000 = 400 million pixels; the limit is 50 million."),
        (bench.speech(bomb, voice), "20000 x 20000 = 400 million pixels; the limit is 50 million."),
        (bench.speech(small, day), "has pictures but no sound"),
    ]
    for order, words in cases:
        job = bench.do(order)
        assert job.failure is not None
        assert job.failure.status == 422
        assert words in job.failure.message
        assert "FACEFUSION" not in job.failure.hint
    job = bench.do(bench.speech(small, _sound(tmp_path / "long.wav", np.zeros(700 * 8000), rate=8000)))
    assert job.failure is not None
    assert (job.failure.code, job.failure.message) == ("too-large", "the audio lasts 11:40; the limit is 10:00.")
    many = _sound(tmp_path / "many.wav", np.zeros(300 * 8000), rate=8000)
    job = bench.do(bench.speech(small, many, fps=Fraction(240)))
    assert job.failure is not None
    assert job.failure.message == "the result has 72000 frames; the limit is 36000."


def test_a08_full_is_full_and_a_place_that_is_held_counts(
    another: Callable[..., Bench], small: Path, film: Path
) -> None:
    bench = another(queue=1)
    service = bench.service

    async def fill() -> None:
        job = service.submit(bench.picture(small, film, ".mp4"), keep=False)
        with service.reserve() as held:
            with pytest.raises(QueueFull) as full:
                service.check_admission()
            assert 1 <= full.value.retry_after <= 600
            order = bench.picture(small, small)
            with pytest.raises(QueueFull):
                service.submit(order, keep=False)
            assert order.source.exists()
            second = service.submit(order, held, keep=False)
        assert (service.stats().running, service.stats().queued, service.stats().reserved) == (1, 1, 0)
        with pytest.raises(QueueFull):
            service.reserve()
        service.cancel(second)
        service.reserve().release()
        service.release(job)
        await job.wait()

    bench.runner.run(fill())
    bench.runner.run(_errands(service))
    assert len([*bench.root.iterdir()]) == 1  # the lock


@linux
def test_a13_a_job_that_takes_too_long_is_given_up(another: Callable[..., Bench], small: Path, film: Path) -> None:
    bench = another(job_seconds=0.8)
    job = bench.do(bench.picture(small, film, ".mp4"))
    assert job.failure is not None
    assert (job.failure.code, job.failure.status) == ("timeout", 504)
    assert not job.order.folder.exists()
    assert not _at_work_below(job.order.folder)
    assert bench.do(bench.picture(small, small)).state == "done"


def test_results_expire(another: Callable[..., Bench], small: Path) -> None:
    bench = another(keep_seconds=0.2)
    job = bench.do(bench.picture(small, small), keep=True)
    bench.runner.run(_until(lambda: bench.service.job(job.id) is None))
    bench.runner.run(_errands(bench.service))
    assert not job.order.folder.exists()


@linux
def test_a15_what_can_be_finished_in_time_is_and_nothing_is_left(
    another: Callable[..., Bench], tmp_path: Path, small: Path, film: Path
) -> None:
    bench = another()
    processes = bench.service.processes

    async def drain() -> tuple[list[Job], Job]:
        short = [bench.service.submit(bench.picture(small, small), keep=False) for _ in range(3)]
        long = bench.service.submit(bench.picture(small, film, ".mp4"), keep=False)
        closing = asyncio.create_task(bench.service.close(60))
        await asyncio.sleep(0)
        with pytest.raises(Draining):
            bench.service.check_admission()
        assert not bench.service.readiness.ready
        for job in short:
            await job.wait()
        await bench.service.close(0.1)  # a second wish, more urgent
        await closing
        return short, long

    short, long = bench.runner.run(drain())
    assert {job.state for job in short} == {"done"}
    assert long.failure is not None
    assert (long.failure.code, long.failure.status) == ("shutting-down", 503)
    assert not [*tmp_path.glob("facefusion-serve-*")]
    assert not [process for process in processes if Path(f"/proc/{process}").exists()]


@linux
def test_a_process_goes_with_a_service_that_is_killed_and_takes_the_files_along(
    tmp_path: Path, home: Path, film: Path, small: Path
) -> None:
    script = """
import asyncio, shutil, sys
from pathlib import Path
from facefusion_cli.api.orders import SwapOrder
from facefusion_cli.api.settings import ServeSettings
from facefusion_cli.api.work.service import Service
from facefusion_cli.core.faceswap.inswapper.emap import read_emap
from facefusion_cli.core.faceswap.options import SwapOptions

async def main():
    service = Service(ServeSettings(work_dir=Path(sys.argv[1])))
    await service.start()
    while not service.readiness.ready:
        await asyncio.sleep(0.02)
    folder = service.new_folder()
    shutil.copyfile(sys.argv[2], folder / "source.png")
    shutil.copyfile(sys.argv[3], folder / "target.mp4")
    order = SwapOrder(folder, folder / "source.png", folder / "target.mp4", folder / "result.mp4", SwapOptions())
    job = service.submit(order, keep=False)
    while job.progress < 0.05:
        await asyncio.sleep(0.01)
    print(*service.processes, flush=True)
    await job.wait()

asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path, small, film], stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        process = int(service.stdout.readline())
        service.kill()
    end = time.monotonic() + 30
    while Path(f"/proc/{process}").exists() or _at_work_below(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not [*tmp_path.iterdir()]
    assert not [*home.rglob("work-folders/*")]


def test_what_services_have_left_that_are_gone_is_removed_and_nothing_else(
    another: Callable[..., Bench], tmp_path: Path, small: Path
) -> None:
    dead = tmp_path / f"facefusion-serve-{'0' * 32}"
    (dead / "order").mkdir(parents=True)
    (dead / "order" / "source.png").touch()
    (dead / "lock").touch()
    not_ours = tmp_path / "facefusion-serve-of-mine"
    not_ours.mkdir()
    first = another()
    held = first.service.new_folder()
    second = another(wait=False)
    second.runner.run(_errands(second.service))
    assert not dead.exists()
    assert not_ours.exists()
    assert held.exists()
    assert first.do(first.picture(small, small)).state == "done"


def test_a17_missing_weights_are_waited_for_and_never_fetched(
    another: Callable[..., Bench], small_wav2lip: Path, tmp_path: Path, small: Path, voice: Path
) -> None:
    away = small_wav2lip.rename(tmp_path / "away")
    bench = another(wait=False, engines=("wav2lip",))
    service = bench.service
    assert service.readiness.reasons == ("the engines are being loaded.",)
    with pytest.raises(NotReady):
        service.reserve()
    bench.runner.run(_until(lambda: service.readiness.reasons != ("the engines are being loaded.",)))
    (reason,) = service.readiness.reasons
    assert "the weights that the wav2lip engine needs are missing (wav2lip)" in reason
    assert '"facefusion download-models wav2lip" fetches them.' in reason
    assert str(tmp_path) not in reason
    assert service.stats().weights["wav2lip"] is False
    (process,) = service.processes
    away.rename(small_wav2lip)
    bench.ready()
    assert service.processes == (process,)
    assert service.readiness.engines == {"faceswap": "mesh", "lipsync": "wav2lip"}
    assert service.stats().weights["wav2lip"] is True
    shutil.rmtree(small_wav2lip)  # it is in memory
    job = bench.do(bench.speech(small, voice))
    assert (job.state, job.engine) == ("done", "wav2lip"), job.failure


def test_a_gpu_that_is_not_there_is_told(another: Callable[..., Bench]) -> None:
    bench = another(wait=False, devices=("cuda:99",))
    service = bench.service
    bench.runner.run(_until(lambda: service.readiness.device_refused))
    assert not service.readiness.ready
    assert "are being loaded" not in service.readiness.reasons[0]


def test_a_process_that_cannot_even_load_is_not_started_again_and_again(
    another: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    bench = another(wait=False)

    async def watch() -> None:
        await _until(lambda: bench.service.stats().restarts >= 1)
        await asyncio.sleep(1.5)

    bench.runner.run(watch())
    assert bench.service.stats().restarts <= 3
    assert bench.service.readiness.reasons == ("the process that does the work ends while it loads the engines.",)


@linux
def test_a24_memory_stays_where_it_is(bench: Bench, small: Path) -> None:
    def resident() -> int:
        (process,) = bench.service.processes
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def work(times: int) -> None:
        for _ in range(times):
            bench.release(bench.do(bench.picture(small, small, ".jpg")))

    work(15)
    before = resident()
    work(50)
    assert resident() < 1.05 * before


def test_the_second_order_loads_no_network_again(
    stand_ins: Path,
    small_wav2lip: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    small: Path,
    voice: Path,
    short: Path,
) -> None:
    import onnxruntime

    opened: list[object] = []

    class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, source: object, *rest: Any, **more: Any) -> None:
            opened.append(source)
            super().__init__(source, *rest, **more)

    def read(model: Path) -> Any:
        opened.append(model)
        return read_emap(model)

    def torch(*given: Any) -> Any:
        opened.append(given)
        return open_torch(*given)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(network, "open_torch", torch)
    monkeypatch.setattr(inswapper, "read_emap", read)
    engines = Engines("cpu", ("inswapper", "wav2lip"))
    engines.load()
    assert engines.names == {"faceswap": "inswapper", "lipsync": "wav2lip"}
    assert opened
    opened.clear()
    shutil.copyfile(small, tmp_path / "source.png")
    for number in range(2):
        limits = ServeSettings().limits
        for order in (
            SwapOrder(tmp_path, small, small, tmp_path / f"{number}.png", SwapOptions()),
            SwapOrder(tmp_path, small, short, tmp_path / f"{number}-film.mp4", SwapOptions()),
            LipSyncOrder(tmp_path, small, voice, tmp_path / f"{number}.mp4", LipSyncOptions()),
        ):
            engines.do(order, Reporter(order.kind, limits, lambda _: None, threading.Event()))
            assert order.output.stat().st_size
    engines.load()
    assert not opened
