"""The service without its HTTP: orders in, a bounded queue, workers, results that expire."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Literal

from facefusion_cli.api.work.admission import Draining, NotReady, QueueFull, Reservation
from facefusion_cli.api.work.choice import check_names
from facefusion_cli.api.work.folders import Root, remove_folder, remove_inputs
from facefusion_cli.api.work.job import Failure, Job
from facefusion_cli.api.work.messages import Setup
from facefusion_cli.api.work.pace import Pace
from facefusion_cli.api.work.reports import Readiness, Stats, Summary
from facefusion_cli.api.work.worker import Worker
from facefusion_cli.core.device import gpu_asked
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.api.orders import Order, OrderKind
    from facefusion_cli.api.settings import ServeSettings
    from facefusion_cli.api.work.worker import Outcome

__all__ = ["Draining", "NotReady", "QueueFull", "Reservation", "Service"]

_LOADING = "the engines are being loaded."
_NEVER_RAN = Failure("shutting-down", "the service is shutting down.", "Try again later.", 503)
_log = logging.getLogger("facefusion_cli.api.work")


class Service:
    """Takes orders and has them done, one at a time on each device, in the order in which they came.

    For one event loop: everything is called on its thread, and nothing blocks. ``start`` comes first, ``close`` last.
    """

    def __init__(self, settings: ServeSettings) -> None:
        """Cheap; nothing is begun.

        Raises:
            UsageError: there is no such engine or device, or two engines do the same.
        """
        _check(settings)
        self._settings = settings
        self._root: Root | None = None
        self._workers: list[Worker] = []
        self._queue: deque[Job] = deque()
        self._reserved: set[Reservation] = set()
        self._kept: dict[str, Job] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._released: set[Job] = set()
        """Jobs whose folder is to be removed as soon as they have ended."""
        self._returned: set[Job] = set()
        """Jobs that have been given to a process that was gone."""
        self._errands: set[asyncio.Future[None]] = set()
        self._pace = Pace()
        self._jobs: Counter[tuple[OrderKind, str]] = Counter()
        self._stages: defaultdict[tuple[OrderKind, str], Summary] = defaultdict(Summary)
        self._durations: defaultdict[OrderKind, Summary] = defaultdict(Summary)
        self._submitted: dict[Job, float] = {}
        """When each job that waits or runs came, by the monotonic clock."""
        self._closing: asyncio.Task[None] | None = None
        self._close_at = 0.0
        self._stirred = asyncio.Event()
        """Something has ended, or is to end sooner."""

    async def start(self) -> None:
        """Make the private folder and start a process for each device; loading goes on in there.

        Raises:
            OutputError: no folder can be made.
        """
        settings = self._settings
        self._root = root = await asyncio.to_thread(Root, settings.work_dir)
        self._errand(root.sweep)
        for device in settings.devices:
            setup = Setup(device, settings.engines, settings.models_dir, settings.limits, root.path)
            worker = Worker(setup, self, settings.job_seconds)
            self._workers.append(worker)
            worker.start()

    async def close(self, grace: float) -> None:
        """End: nothing is taken any more, jobs get ``grace`` seconds, then fail with 503 ("shutting-down").

        Afterwards no process and no file is left. May be called again with less grace while it waits: the shorter one
        counts.
        """
        end = time.monotonic() + grace
        self._close_at = min(self._close_at, end) if self._closing is not None else end
        self._stirred.set()
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="facefusion-close")
        await asyncio.shield(self._closing)

    @property
    def readiness(self) -> Readiness:
        """Whether work can be done now, and why not."""
        ready = any(worker.condition == "ready" for worker in self._workers)
        loading = (_LOADING,)
        reasons = [
            reason for worker in self._workers if worker.condition != "ready" for reason in (worker.reasons or loading)
        ]
        if self._closing is not None:
            ready, reasons = False, [Draining().message]
        known = [worker.ready for worker in self._workers if worker.ready is not None]
        engines: dict[OrderKind, str] = {}
        if known:
            engines = {"faceswap": known[0].engines["faceswap"], "lipsync": known[0].engines["lipsync"]}
        return Readiness(
            ready=ready,
            reasons=tuple(dict.fromkeys(reasons)) or (() if ready else loading),
            engines=engines,
            notes=tuple(dict.fromkeys(note for one in known for note in one.notes)),
            device=", ".join(one.device for one in known),
            device_refused=any(worker.device_refused for worker in self._workers),
        )

    def check_admission(self) -> None:
        """Whether an order would be taken now; to be asked before a body is read.

        Raises:
            QueueFull, NotReady, Draining: all are ``NotAdmitted``, with ``retry_after``.
        """
        if self._closing is not None:
            raise Draining
        if not any(worker.hopeful for worker in self._workers):
            raise NotReady(" ".join(self.readiness.reasons), hint="GET /ready tells when it is.")
        if len(self._queue) + self._running + len(self._reserved) >= self._capacity:
            now = time.monotonic()
            running = [
                (worker.job.kind, now - worker.since, worker.job.progress)
                for worker in self._workers
                if worker.job is not None
            ]
            raise QueueFull(self._pace.retry_after(running))

    def reserve(self) -> Reservation:
        """A place in the queue while a body is on its way.

        Raises:
            QueueFull, NotReady, Draining: there is none.
        """
        self.check_admission()
        reservation = Reservation(self._reserved.discard)
        self._reserved.add(reservation)
        return reservation

    def new_folder(self) -> Path:
        """A new folder (0700) for the files of one order, which becomes its ``folder``; unguessable.

        Until ``submit`` has taken the order, who made it removes it: see ``discard``.

        Raises:
            OutputError: it cannot be made; code "disk-full" where that is why.
        """
        assert self._root is not None, "only after start"
        return self._root.new_folder()

    def discard(self, folder: Path) -> None:
        """Remove a folder of ``new_folder`` that became no order's; soon, in a thread."""
        self._errand(lambda: remove_folder(folder))

    def submit(self, order: Order, reservation: Reservation | None = None, *, keep: bool) -> Job:
        """Take an order, with the place that was reserved or another one. From now on its folder is the service's.

        Job states go queued, running, done | failed | cancelled. What was sent is removed as soon as the job has ended,
        the result when it expires (``keep``) or with ``release``.

        Raises:
            QueueFull, NotReady, Draining: it is not taken; the folder still is the caller's.
        """
        if self._closing is not None:
            raise Draining
        if reservation is None or not reservation.held:
            reservation = self.reserve()
        reservation.release()
        job = Job(order, keep=keep, engine=self.readiness.engines.get(order.kind, ""))
        self._submitted[job] = time.monotonic()
        if keep:
            self._kept[job.id] = job
        self._queue.append(job)
        self._dispatch()
        return job

    def job(self, id: str) -> Job | None:
        """A job that is kept, by its id; None if there is none, or it has expired."""
        return self._kept.get(id)

    def cancel(self, job: Job) -> None:
        """End a job: at once where it waits; within about a second where it runs. Of one that has ended: nothing."""
        if job in self._queue:
            self._queue.remove(job)
            self._over(job, "cancelled")
            self._dispatch()
        for worker in self._workers:
            if worker.job is job:
                worker.stop("cancelled")

    def release(self, job: Job) -> None:
        """Forget a job and remove its folder, as soon as it has ended; one that has not is cancelled."""
        self._kept.pop(job.id, None)
        if (expiry := self._expiries.pop(job.id, None)) is not None:
            expiry.cancel()
        if job.ended:
            self.discard(job.order.folder)
        else:
            self._released.add(job)
            self.cancel(job)

    def stats(self) -> Stats:
        """Counts for the metrics."""
        return Stats(
            queued=len(self._queue),
            running=self._running,
            reserved=len(self._reserved),
            capacity=self._capacity,
            workers=len(self._workers),
            workers_ready=sum(worker.condition == "ready" for worker in self._workers),
            restarts=sum(worker.restarts for worker in self._workers),
            jobs=dict(self._jobs),
            stages=dict(self._stages),
            durations=dict(self._durations),
            weights={name: stored for worker in self._workers for name, stored in worker.weights.items()},
            kept=len(self._kept),
        )

    @property
    def processes(self) -> tuple[int, ...]:
        """Process numbers of the workers that live, for logs."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    # What workers tell; see ``Watch``.

    def ended(self, worker: Worker, job: Job, outcome: Outcome) -> None:
        """A worker is done with a job."""
        seconds = time.monotonic() - worker.since
        for stage, spent in (outcome.stages or {}).items():
            self._stages[job.kind, stage].add(spent)
        if outcome.state == "done":
            self._pace.add(job.kind, seconds)
            self._durations[job.kind].add(seconds)
            job.engine = outcome.engine
        self._over(job, outcome.state, outcome.notes, outcome.failure)
        self._dispatch()

    def returned(self, worker: Worker, job: Job) -> bool:  # noqa: ARG002
        """A process was gone before it began with a job: it is the next one's turn, once."""
        if job in self._returned:
            return False
        self._returned.add(job)
        job.wait_again()
        self._queue.appendleft(job)
        self._dispatch()
        return True

    def changed(self, worker: Worker) -> None:
        """A worker's condition is another."""
        _log.info("worker %s: %s %s", worker.pid or "", worker.condition, " ".join(worker.reasons))
        if self._queue and not any(each.hopeful for each in self._workers):
            failure = Failure("not-ready", " ".join(self.readiness.reasons), "GET /ready tells when it is.", 503)
            while self._queue:
                self._over(self._queue.popleft(), "failed", failure=failure)
        self._dispatch()

    @property
    def _running(self) -> int:
        return sum(worker.job is not None for worker in self._workers)

    @property
    def _capacity(self) -> int:
        return len(self._settings.devices) * (1 + self._settings.queue)

    def _dispatch(self) -> None:
        """Give what waits to whoever is idle."""
        for worker in self._workers:
            if self._queue and worker.idle:
                job = self._queue.popleft()
                self._stages[job.kind, "waiting"].add(time.monotonic() - self._submitted[job])
                job.begin()
                worker.do(job)
        for place, job in enumerate(self._queue, 1):
            job.position = place

    def _over(
        self,
        job: Job,
        state: Literal["done", "failed", "cancelled"],
        notes: tuple[str, ...] = (),
        failure: Failure | None = None,
    ) -> None:
        """A job has ended: what was sent goes, what was made stays for as long as it is wanted."""
        self._submitted.pop(job, None)
        self._jobs[job.kind, failure.code if failure is not None else state] += 1
        order = job.order
        if state == "done" and job not in self._released:
            self._errand(lambda: remove_inputs(order.folder, order.output))
            job.end(state, result=order.output, notes=notes)
        else:
            self.discard(order.folder)
            job.end(state, notes=notes, failure=failure)
        self._released.discard(job)
        self._returned.discard(job)
        if job.id in self._kept:
            later = asyncio.get_running_loop().call_later
            self._expiries[job.id] = later(self._settings.keep_seconds, self.release, job)
        self._stirred.set()

    def _errand(self, do: Callable[[], object]) -> None:
        """Something with files, in a thread; ``close`` waits for it."""

        def run() -> None:
            do()

        errand = asyncio.get_running_loop().run_in_executor(None, run)
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _close(self) -> None:
        while (self._queue or self._running) and (left := self._close_at - time.monotonic()) > 0:
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), left)
        while self._queue:
            self._over(self._queue.popleft(), "failed", failure=_NEVER_RAN)
        for worker in self._workers:
            worker.stop("shutting-down")
        while self._running:
            self._stirred.clear()
            await self._stirred.wait()
        for expiry in self._expiries.values():
            expiry.cancel()
        self._expiries.clear()
        self._kept.clear()
        await asyncio.gather(*(worker.close() for worker in self._workers))
        while self._errands:
            await asyncio.gather(*self._errands, return_exceptions=True)
        if self._root is not None:
            await asyncio.to_thread(self._root.remove)


def _check(settings: ServeSettings) -> None:
    check_names(settings.engines)
    if not settings.devices:
        raise UsageError("a device is needed.", hint='"auto" finds one.')
    for device in settings.devices:
        gpu_asked(device)
