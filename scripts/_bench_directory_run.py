"""The command ``facefusion`` with its work on pictures timed; for the benchmark of directories, as a process.

Usage: python scripts/_bench_directory_run.py FACTS ARGUMENT...

Runs the command with the arguments and writes JSON to the file FACTS: when the first picture was begun and the last
result was told (seconds since 1970), the seconds spent in each stage of all of them, and how many networks were opened.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []

_STAGES = {"read_given": "decode", "swap_picture": "swap", "write_picture": "encode", "sign": "sign"}
"""Functions that are called once a picture, one after the other, and what their time is called."""


def _main() -> int:
    import onnxruntime

    from facefusion_cli.cli import main
    from facefusion_cli.core.faceswap import job
    from facefusion_cli.core.media.outputs import AtomicOutput

    facts, *arguments = sys.argv[1:]
    seconds: defaultdict[str, float] = defaultdict(float)
    began: list[float] = []
    opened = 0

    def timed(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def run(*given: Any, **options: Any) -> Any:
            began.append(time.time())
            start = time.perf_counter()
            result = function(*given, **options)
            seconds[stage] += time.perf_counter() - start
            return result

        return run

    for name, stage in _STAGES.items():
        setattr(job, name, timed(getattr(job, name), stage))

    for name in ("__enter__", "commit"):
        setattr(AtomicOutput, name, timed(getattr(AtomicOutput, name), "place"))

    class Session(onnxruntime.InferenceSession):  # type: ignore[misc,unused-ignore]
        def __init__(self, *given: Any, **options: Any) -> None:
            nonlocal opened
            opened += 1
            super().__init__(*given, **options)

    onnxruntime.InferenceSession = Session
    code = main(arguments)
    told: dict[str, Any] = {"first": began[0], "last": time.time(), "seconds": seconds, "networks": opened}
    Path(facts).write_text(json.dumps(told), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(_main())
