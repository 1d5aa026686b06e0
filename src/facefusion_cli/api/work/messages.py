"""What the service and a worker's process say to each other.

To the process go pickles, one after the other: it trusts the service. What comes back is a line of JSON each: the
process works on what strangers have sent, and nothing it says is ever run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.api.orders import Order
    from facefusion_cli.api.settings import Limits

__all__ = [
    "LONGEST",
    "Do",
    "Done",
    "Failed",
    "FromWorker",
    "Progress",
    "Ready",
    "Setup",
    "Stop",
    "Stopped",
    "Unready",
    "decode",
    "encode",
]

LONGEST = 1 << 20
"""Bytes of a line; who says more is out of order."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The first word to a process."""

    device: str | None
    """As ``select_device`` takes it."""
    engines: tuple[str, ...]
    """Those that are asked for by name."""
    models_dir: Path | None
    limits: Limits
    root: Path
    """The service's folder, to be removed should the service be gone without having done so."""


@dataclass(frozen=True, slots=True)
class Do:
    """Work on that order; one at a time."""

    number: int
    """Of the order, from 1."""
    order: Order


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop working on the order of that number, if that is what is being done."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The device is proven, the engines are loaded."""

    engines: dict[str, str]
    """By kind of order."""
    notes: list[str]
    device: str
    weights: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Unready:
    """It cannot work yet, or not at all."""

    reasons: list[str]
    weights: dict[str, bool]
    device_refused: bool = False
    leaving: bool = False
    """Whether the process ends, so that another one tries."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An order is so far."""

    stage: str
    progress: float


@dataclass(frozen=True, slots=True)
class Done:
    """The result lies where the order wants it."""

    engine: str
    notes: list[str]
    stages: dict[str, float]
    """Seconds spent on each."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no result; see ``Failure``."""

    code: str
    message: str
    hint: str
    status: int
    stages: dict[str, float]
    trace: str = ""
    """For the log, of what is no client's doing."""
    leaving: bool = False
    """Whether the process ends: its device cannot be trusted any more."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """As ``Stop`` wanted it."""


FromWorker = Ready | Unready | Progress | Done | Failed | Stopped

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Ready, Unready, Progress, Done, Failed, Stopped)}


def encode(message: FromWorker) -> bytes:
    """One line."""
    return json.dumps({"is": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> FromWorker:
    """The message of a line.

    Raises:
        ValueError: it is none.
    """
    try:
        fields = json.loads(line)
        message: FromWorker = _KINDS[fields.pop("is")](**fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("no message of a worker") from error
    return message
