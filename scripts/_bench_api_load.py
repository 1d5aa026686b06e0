"""Clients of ``POST /faceswap`` that behave as real ones do: each waits for its answer, and when it is turned away it
comes back after about the time it was told."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2

__all__ = ["Answers", "Load"]

_TIMEOUT_SECONDS = 120.0


@dataclass(slots=True)
class Answers:
    """What the clients were answered."""

    seconds: list[float] = field(default_factory=list)
    """How long accepted requests took, without the times they were turned away before."""
    waits: list[float] = field(default_factory=list)
    """How long it took from a client's first try to its picture."""
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """What should not have been: other statuses, connections lost, a 503 without Retry-After, no picture in a 200."""
    engines: set[str] = field(default_factory=set)


class Load:
    """A number of clients that together ask for a number of pictures."""

    def __init__(self, url: str, files: Mapping[str, bytes], size: tuple[int, int]) -> None:
        """``size`` is the width and height of the pictures expected."""
        self._url, self._size = url, size
        self._files = {name: (f"{name}.jpg", content, "image/jpeg") for name, content in files.items()}

    def run(self, clients: int, pictures: int) -> Answers:
        """Let them ask until all pictures are there."""
        return asyncio.run(self._run(clients, pictures))

    async def _run(self, clients: int, pictures: int) -> Answers:
        import httpx2

        answers, left = Answers(), iter(range(pictures))
        limits = httpx2.Limits(max_connections=clients, max_keepalive_connections=clients)
        async with (
            httpx2.AsyncClient(limits=limits, timeout=_TIMEOUT_SECONDS, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in range(clients):
                group.create_task(self._client(http, left, random.Random(number), answers))  # noqa: S311  (no secret)
        return answers

    async def _client(
        self, http: httpx2.AsyncClient, left: Iterator[int], jitter: random.Random, answers: Answers
    ) -> None:
        for _ in left:
            began = time.perf_counter()
            while (pause := await self._ask(http, answers)) is not None:
                await asyncio.sleep(pause * jitter.uniform(0.5, 1.5))
            answers.waits.append(time.perf_counter() - began)

    async def _ask(self, http: httpx2.AsyncClient, answers: Answers) -> float | None:
        """Seconds to wait before asking again, None if it is done."""
        import httpx2

        began = time.perf_counter()
        try:
            answer = await http.post(f"{self._url}/faceswap", files=self._files)
        except httpx2.TransportError as error:
            answers.faults[type(error).__name__] += 1
            return None
        answers.statuses[answer.status_code] += 1
        if answer.status_code == 503:
            pause = answer.headers.get("Retry-After", "")
            if not pause.isdigit():
                answers.faults["503 without Retry-After"] += 1
                return 1.0
            return float(pause)
        if answer.status_code != 200:
            answers.faults[f"status {answer.status_code}"] += 1
            return None
        answers.seconds.append(time.perf_counter() - began)
        answers.engines.add(answer.headers.get("X-FaceFusion-Engine", ""))
        if not self._is_picture(answer.content):
            answers.faults["no picture"] += 1
        return None

    def _is_picture(self, content: bytes) -> bool:
        import cv2
        import numpy as np

        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        return picture is not None and (picture.shape[1], picture.shape[0]) == self._size
