"""The HTTP service under load: one client after another's pictures, and 200 clients at the same time."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from _bench_api_load import Load
from _bench_api_server import serving
from _bench_faces import _astronaut, _hopper
from _bench_frame import Benchmark, Case, Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from _bench_api_server import Server
    from _bench_frame import Fact
    from numpy.typing import NDArray

__all__ = ["API", "api_groups"]

_SECONDS, _BRIEF_SECONDS = 300.0, 30.0
_CLIENTS = 200
_SIDE = 256
"""Width of the pictures in pixels; their faces are about 55 px wide."""
_FIRST = 10
"""Pictures that warm the service up and tell how many it makes in a second."""
_REMARK = """1 / ratio is the throughput in units of one client's; cpu is that of the clients, not of the service
p50 ... p99: seconds that accepted requests took; wait_p50, wait_p99: from a client's first try to its picture
faults: answers that are neither 200 with a picture nor 503 with Retry-After, and connections lost
mib_early, mib_late: mean memory of all processes of the service in the first and the last fifth; mib_most: its peak"""


def api_groups(_folder: Path | None, seconds: float, clients: int = _CLIENTS) -> Iterator[Group]:
    """The load lasts about that long, and a fifth of it again for one client alone."""
    source, target = _small(_hopper()), _small(_astronaut())
    height, width = target.shape[:2]
    files = {"source_image": _jpeg(source), "target_image": _jpeg(target)}
    with serving() as server:
        load = Load(server.url, files, (width, height))
        load.run(1, _FIRST)
        began = time.perf_counter()
        load.run(1, _FIRST)
        rate = _FIRST / (time.perf_counter() - began)
        cases = []
        for title, number, share in (("one client", 1, 0.2), (f"{clients} clients", clients, 1.0)):
            pictures = max(_FIRST, number, round(rate * seconds * share))
            facts: dict[str, Fact] = {}
            run = partial(_measured, load, server, number, pictures, facts)
            cases.append(Case(title, run, items=pictures, facts=facts))
        yield Group(f"POST /faceswap, {width} x {height}", cases, _REMARK)


def _measured(load: Load, server: Server, clients: int, pictures: int, facts: dict[str, Fact]) -> None:
    with _Memory(server) as memory:
        answers = load.run(clients, pictures)
    facts.update({f"p{percent}": _percentile(answers.seconds, percent) for percent in (50, 95, 99)})
    facts.update({f"wait_p{percent}": _percentile(answers.waits, percent) for percent in (50, 99)})
    facts.update({"200": float(answers.statuses[200]), "503": float(answers.statuses[503])})
    facts["faults"] = ", ".join(f"{count} x {what}" for what, count in answers.faults.items()) or "none"
    facts["engine"] = " ".join(sorted(answers.engines))
    facts.update(memory.facts())


class _Memory:
    """The memory of a service while something goes on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._seen: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self._seen.append(self._server.memory())
            if self._over.wait(0.5):
                return

    def facts(self) -> dict[str, Fact]:
        fifth = max(1, len(self._seen) // 5)
        early, late = self._seen[:fifth], self._seen[-fifth:]
        return {
            "mib_early": sum(early) / fifth,
            "mib_late": sum(late) / fifth,
            "mib_most": max(self._seen),
        }


def _percentile(values: Sequence[float], percent: int) -> float:
    import numpy as np

    return float(np.percentile(values, percent)) if values else float("nan")


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    scale = _SIDE / picture.shape[1]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    import cv2

    written, content = cv2.imencode(".jpg", picture)
    assert written
    return bytes(content)


API = Benchmark(
    "the HTTP service: one client, then 200 at the same time",
    1,
    api_groups,
    warm_up=False,
    seconds=_SECONDS,
    brief_seconds=_BRIEF_SECONDS,
)
