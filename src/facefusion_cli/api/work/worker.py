"""The service's side of one process that does the work: started, spoken to, stopped, started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from facefusion_cli.api.work.job import Failure
from facefusion_cli.api.work.messages import (
    LONGEST,
    Do,
    Done,
    Failed,
    Progress,
    Ready,
    Stop,
    Stopped,
    Unready,
    decode,
)
from facefusion_cli.api.work.orphans import VARIABLE, end_orphans

if TYPE_CHECKING:
    from facefusion_cli.api.work.job import Job
    from facefusion_cli.api.work.messages import FromWorker, Setup

__all__ = ["Condition", "Ending", "Outcome", "Watch", "Worker"]

Condition = Literal["loading", "ready", "again", "unable"]
"""Loading for the first time; ready; started again after it was ready, which takes seconds; cannot work, see
``reasons``."""
Ending = Literal["cancelled", "timeout", "shutting-down"]

PATIENCE = 0.9
"""Seconds that work gets to end when it is told to, before its process is killed: the device is free within one."""
_FAREWELL = 2.0
"""Seconds for a process to go that has nothing to do."""
_LAST_BREATH = 0.3
"""Seconds for one that has closed its output."""
_STEADY = 10.0
"""Seconds that a process has to live for its end to be no sign of trouble."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the next try, doubled from one to the next, while it dies without having done anything."""
_SECRET = ("FACEFUSION_API_KEY",)
"""Variables that are none of the business of a process that works on what strangers send."""

_log = logging.getLogger("facefusion_cli.api.work")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    state: Literal["done", "failed", "cancelled"]
    engine: str = ""
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    stages: dict[str, float] | None = None
    """Seconds, as far as they are known."""


class Watch(Protocol):
    """Who is told of what happens to a worker; on the event loop's thread."""

    def ended(self, worker: Worker, job: Job, outcome: Outcome) -> None:
        """A job is over; the worker may be idle, or about to start again."""
        ...

    def returned(self, worker: Worker, job: Job) -> bool:
        """A process was gone before it began with a job; whether another one is to try."""
        ...

    def changed(self, worker: Worker) -> None:
        """Its ``condition`` is another."""
        ...


class Worker:
    """One process at a time, on one device, with one job at a time."""

    def __init__(self, setup: Setup, watch: Watch, job_seconds: float) -> None:
        self.condition: Condition = "loading"
        self.reasons: tuple[str, ...] = ()
        """Why it is not ready, in sentences; () while it is loading."""
        self.device_refused = False
        self.ready: Ready | None = None
        """What it said when it was ready last."""
        self.weights: dict[str, bool] = {}
        self.restarts = 0
        self.job: Job | None = None
        self.since = 0.0
        """When the job began, by the monotonic clock."""
        self.pid = 0
        """Of the process, 0 while there is none."""
        self._setup, self._watch, self._job_seconds = setup, watch, job_seconds
        self._number = 0
        self._ending: Ending | None = None
        self._begun = False
        """Whether the process has said that it works on the job."""
        self._timers: list[asyncio.TimerHandle] = []
        self._process: asyncio.subprocess.Process | None = None
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._worked = False
        """Whether this process has ended a job, or was killed by us."""

    @property
    def idle(self) -> bool:
        """Whether it takes a job now."""
        return self.condition == "ready" and self.job is None and not self._closing.is_set()

    @property
    def hopeful(self) -> bool:
        """Whether jobs may wait for it: it is ready, or will be within seconds."""
        return self.condition in ("ready", "again")

    def start(self) -> None:
        """Begin to live; loading goes on in the process."""
        self._task = asyncio.create_task(self._live(), name="facefusion-worker")

    def do(self, job: Job) -> None:
        """Have it do a job; it must be idle."""
        assert self.idle
        self.job, self.since, self._ending, self._begun = job, time.monotonic(), None, False
        self._number += 1
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(self._job_seconds, self.stop, "timeout")]
        self._send(Do(self._number, job.order))

    def stop(self, ending: Ending) -> None:
        """Have it stop what it does, for that reason; it is killed if that takes longer than ``PATIENCE``."""
        if self.job is None or self._ending is not None:
            return
        self._ending = ending
        self._send(Stop(self._number))
        self._timers.append(asyncio.get_running_loop().call_later(PATIENCE, self._kill))

    async def close(self) -> None:
        """End it; a job that it has is given up."""
        self._closing.set()
        if self._process is not None and self.job is None and self._process.stdin is not None:
            self._process.stdin.close()  # at which it goes
            loop = asyncio.get_running_loop()
            timer = loop.call_later(_FAREWELL, self._kill)
        else:
            self._kill()
            timer = None
        if self._task is not None:
            await self._task
        if timer is not None:
            timer.cancel()

    async def _live(self) -> None:
        pause = 0.0
        while not self._closing.is_set():
            if pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause)
                    return
            began = time.monotonic()
            try:
                await self._one_life()
            except OSError as error:
                self._become("unable", (f"the process that does the work cannot be started: {error.strerror}.",))
            lived = time.monotonic() - began
            sound = self._worked or (self.condition in ("ready", "again") and lived >= _STEADY)
            pause = 0.0 if sound else min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * pause))
            if self._closing.is_set():
                return
            self.restarts += 1
            if self.condition == "ready" or (self.condition == "again" and sound):
                self._become("again", ("the process that does the work is being started again.",))
            elif self.condition != "unable":
                self._become("unable", ("the process that does the work ends while it loads the engines.",))

    async def _one_life(self) -> None:
        mark = secrets.token_hex(16)
        environment = {name: value for name, value in os.environ.items() if name not in _SECRET}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # Not from wherever the service happens to run.
            *("-P", "-m", "facefusion_cli.api.work.process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**environment, VARIABLE: mark},
            limit=LONGEST,
            # Ctrl-C in a terminal reaches the service only.
            start_new_session=True,
        )
        self._process, self.pid, self._worked = process, process.pid, False
        try:
            self._send(self._setup)
            if not self._closing.is_set():
                await self._listen(process)
        finally:
            code = await self._gone(process)
            self._process, self.pid = None, 0
            await asyncio.to_thread(end_orphans, mark)
            if self.job is not None:
                self._lose(self.job, code)

    def _lose(self, job: Job, code: int) -> None:
        """The process is gone, and had a job."""
        condition, self.condition = self.condition, "again"
        if not self._begun and self._ending is None and self._watch.returned(self, job):
            self._forget_job()
        else:
            facts = {"job": job.id}
            _log.error("the process that does the work ended during a job, with %d", code, extra={"facts": facts})
            self._end(_crashed(code))
        self.condition = condition

    async def _gone(self, process: asyncio.subprocess.Process) -> int:
        """Its exit code, once it is gone; it is given a moment to go by itself, since it has nothing more to say."""
        if not self._closing.is_set() or self.job is None:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(process.wait(), _LAST_BREATH)
        self._kill()
        return await process.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    return
                message = decode(line)
            except ValueError:  # too long, or none of ours
                _log.error("the process that does the work says what it should not: it is ended")
                return
            if self._heard(message):
                return

    def _heard(self, message: FromWorker) -> bool:
        """Whether the process is about to leave."""
        if isinstance(message, Ready):
            self.ready, self.weights, self.device_refused = message, message.weights, False
            self._become("ready", ())
        elif isinstance(message, Unready):
            self.device_refused, self.weights = message.device_refused, message.weights or self.weights
            self._become("unable", tuple(message.reasons))
            return message.leaving
        elif self.job is None:
            pass  # it was stopped, and had been done already
        elif isinstance(message, Progress):
            self._begun = True
            self.job.advance(message.stage, message.progress)
        elif isinstance(message, Done):
            self._end(Outcome("done", message.engine, tuple(message.notes), stages=message.stages))
        elif isinstance(message, Failed):
            if message.trace:
                facts = {"job": self.job.id}
                _log.error("a job failed: %s\n%s", message.message, message.trace, extra={"facts": facts})
            if message.leaving:
                self.condition = "again"
            failure = Failure(message.code, message.message, message.hint, message.status)
            self._end(Outcome("failed", failure=failure, stages=message.stages))
            return message.leaving
        elif isinstance(message, Stopped):
            self._end(Outcome("cancelled"))
        return False

    def _end(self, outcome: Outcome) -> None:
        """The job is over; who asked it to stop decides what it has come to."""
        job, ending = self.job, self._ending
        assert job is not None
        self._forget_job()
        if ending is not None:
            outcome = _stopped(ending, self._job_seconds)
        self._watch.ended(self, job, outcome)

    def _forget_job(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self.job, self._ending, self._timers, self._worked = None, None, [], True

    def _become(self, condition: Condition, reasons: tuple[str, ...]) -> None:
        self.condition, self.reasons = condition, reasons
        self._watch.changed(self)

    def _send(self, message: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            # Gone meanwhile: what becomes of the job is decided where its end is noticed.
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(pickle.dumps(message))

    def _kill(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:  # asyncio's own way would snatch its exit code from asyncio's own watcher
                os.kill(self._process.pid, signal.SIGKILL)


def _crashed(code: int) -> Outcome:
    by = f"signal {-code}" if code < 0 else f"exit code {code}"
    return Outcome(
        "failed",
        failure=Failure(
            "worker-crashed",
            f"the process that did the work ended unexpectedly, with {by}.",
            "Try again; if it happens again, something in what was sent cannot be worked on.",
            500,
        ),
    )


def _stopped(ending: Ending, job_seconds: float) -> Outcome:
    if ending == "cancelled":
        return Outcome("cancelled")
    if ending == "timeout":
        message = f"the work was not done within {job_seconds:g} seconds, and given up."
        return Outcome("failed", failure=Failure("timeout", message, "Send less: a shorter or smaller video.", 504))
    return Outcome("failed", failure=Failure("shutting-down", "the service is shutting down.", "Try again later.", 503))
