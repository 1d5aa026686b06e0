"""What self-checks found, remembered between runs."""

from __future__ import annotations

import hashlib
import json
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facefusion_cli.core.home import state_folder
from facefusion_cli.core.small_files import write_whole

if TYPE_CHECKING:
    from facefusion_cli.core.device import Device, Precision

__all__ = ["Backend", "Verdict", "recall", "remember"]

Backend = Literal["onnxruntime", "torch"]

_KEPT = 200
"""Entries; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which maker serves a network on a device, and why."""

    backend: Backend
    device: str
    precision: Precision
    batched: bool
    reason: str


def recall(sha256: str, device: Device, threads: int) -> Verdict | None:
    """What was found for the network of that SHA-256, unless anything it depends on has changed."""
    entry = _read().get(_key(sha256, device, threads))
    if entry is None:
        return None
    try:
        return Verdict(**entry)
    except TypeError:  # of another version, or altered by hand
        return None


def remember(sha256: str, device: Device, threads: int, verdict: Verdict) -> None:
    """Keep it for later runs; where nothing can be written it is found out anew each time."""
    entries = _read()
    entries[_key(sha256, device, threads)] = asdict(verdict)
    for key in list(entries)[:-_KEPT]:
        del entries[key]
    path = _path()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(entries, indent=1).encode("ascii"))


def _path() -> Path:
    return state_folder() / "self-checks.json"


def _read() -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {key: entry for key, entry in entries.items() if isinstance(entry, dict)} if isinstance(entries, dict) else {}
    )


def _key(sha256: str, device: Device, threads: int) -> str:
    wish = (device.name, device.title, device.precisions, device.asked, device.precision_asked)
    facts = (sha256, wish, threads, _surroundings())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@cache
def _surroundings() -> tuple[str, ...]:
    """What else a result depends on: libraries, this package's own code for running graphs, the machine's kind."""
    code = hashlib.sha256()
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        code.update(module.read_bytes())
    return (_version("torch"), _version("onnxruntime"), platform.machine(), code.hexdigest())


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
