"""A process that is fed cases: whatever they do to it, they do it to nobody else.

Reads a JSON object a line (entry, path) and answers with one: what came of it (result, refused, failed), the words of
an error, and the memory that it took.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

MEMORY = 2 * 2**30
"""Bytes that a case may ask for, besides what the process has already; programs that it runs get as much in all."""
MOST_RESIDENT = 2**30
"""Bytes that it may really have used."""
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    """Answer until there is nothing more to read."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes where errors go
    faulthandler.enable(all_threads=False)
    signal.signal(signal.SIGTERM, _leave)
    root = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(root / "src"), str(root / "scripts")]
    for line in sys.stdin:
        answers.write(json.dumps(_answer(**json.loads(line))) + "\n")
        answers.flush()


def _leave(_signal: int, frame: FrameType | None) -> None:
    """Asked to end, as for a case that takes too long: say where, and leave no ffmpeg behind."""
    traceback.print_stack(frame, file=sys.stderr)
    sys.stderr.flush()
    if (process := sys.modules.get("facefusion_cli.core.media.video.process")) is not None:
        process.end_all(leaving=True)
    os._exit(1)


def _answer(entry: str, path: str) -> dict[str, Any]:
    from _fuzz_entries import ENTRIES

    _limit_memory()
    began = _memory("VmRSS")
    with contextlib.suppress(OSError):
        _RESET.write_text("5")  # the peak is to be counted from here (proc(5))
    outcome, words, where = _outcome(ENTRIES[entry].feed, Path(path))
    taken = _memory("VmHWM") - began
    if taken > MOST_RESIDENT and outcome != "failed":
        outcome, words, where = "failed", f"it took {taken / 2**20:.0f} MB of memory", "memory"
    return {"outcome": outcome, "words": words, "where": where, "memory": taken}


def _outcome(feed: Any, path: Path) -> tuple[str, str, str]:
    from _fuzz_feeds import refusals

    from facefusion_cli.errors import InternalError

    try:
        feed(path)
    except refusals() as error:
        if isinstance(error, InternalError) or _lacks_memory(error):
            return "failed", "".join(traceback.format_exception(error)), _where(error)
        return "refused", str(error), ""
    except BaseException as error:  # noqa: BLE001  (the one thing that must not happen, whatever it is)
        return "failed", "".join(traceback.format_exception(error)), _where(error)
    return "result", "", ""


def _lacks_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def _where(error: BaseException) -> str:
    """What failures that are the same have in common: the type, and the last line of the project's own."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "facefusion_cli" in frame.filename] or frames
    return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"


def _limit_memory() -> None:
    """From what there is now; only where the system counts address space, which is Linux."""
    if _STATUS.exists():
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + MEMORY, hard))


def _memory(name: str) -> int:
    """Bytes."""
    if not _STATUS.exists():
        return 0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
