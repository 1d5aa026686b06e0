"""One job: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.api.orders import Order, OrderKind

__all__ = ["Failure", "Job", "State"]

State = Literal["queued", "running", "done", "failed", "cancelled"]
"""Waiting for a worker; being worked on; and its three ends."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result, for the client: no path of this machine is in its sentences."""

    code: str
    """For programs: that of ``errors.py`` ("no-face", "bad-input"), or one of ours: "too-large", "wrong-kind",
    "no-memory", "disk-full", "timeout", "worker-crashed", "shutting-down"."""
    message: str
    """One sentence, as the command would say it."""
    hint: str
    """What to do about it, "" if there is nothing to say."""
    status: int
    """The HTTP status that fits."""


class Job:
    """One order on its way; only ``Service`` changes it, and only on the event loop's thread."""

    def __init__(self, order: Order, *, keep: bool, engine: str) -> None:
        self.id: str = secrets.token_hex(16)
        """32 hexadecimal digits that nobody can guess."""
        self.order = order
        self.keep = keep
        """Whether the result can be asked for until it expires."""
        self.state: State = "queued"
        self.stage: str = ""
        """What is being done: "checking" what was sent, then a ``Stage`` of core; "" while it is not running."""
        self.progress: float = 0.0
        """0 to 1, over all stages; never goes back, and is 1 only of a job that is done."""
        self.position: int = 0
        """Place in the queue, 1 for the next; 0 once it is not queued any more."""
        self.engine = engine
        """The engine that does it, as in "mesh"."""
        self.notes: tuple[str, ...] = ()
        """Sentences that the client should read; of a job that is done."""
        self.result: Path | None = None
        """The file, of a job that is done; in the order's folder, and gone with it."""
        self.failure: Failure | None = None
        """Of a job that failed."""
        self.created: datetime = datetime.now(UTC)
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self._ended = asyncio.Event()

    @property
    def kind(self) -> OrderKind:
        """The route it came by."""
        return self.order.kind

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled: nothing of it changes any more."""
        return self._ended.is_set()

    async def wait(self) -> None:
        """Wait until it has ended, in whatever way; see ``state``. Cancelling the wait does not cancel the job."""
        await self._ended.wait()

    # Steps of ``Service``.

    def begin(self) -> None:
        """A worker has it."""
        self.state, self.position, self.started = "running", 0, datetime.now(UTC)

    def wait_again(self) -> None:
        """The worker was gone before it began."""
        self.state, self.started = "queued", None

    def advance(self, stage: str, progress: float) -> None:
        """It is so far."""
        self.stage, self.progress = stage, max(self.progress, min(progress, 0.999))

    def end(
        self,
        state: State,
        *,
        result: Path | None = None,
        notes: tuple[str, ...] = (),
        failure: Failure | None = None,
    ) -> None:
        """It is over; wakes all who ``wait``."""
        self.state, self.result, self.notes, self.failure = state, result, notes, failure
        self.stage, self.position, self.finished = "", 0, datetime.now(UTC)
        if state == "done":
            self.progress = 1.0
        self._ended.set()
