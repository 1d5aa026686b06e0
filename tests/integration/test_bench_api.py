"""The load test runs, for a moment, and what it counts is what the service promises under load."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_many_clients_get_pictures_or_are_told_to_come_back() -> None:
    from _bench_api import api_groups
    from _bench_frame import measure

    groups = api_groups(None, seconds=2, clients=40)  # has the service, for as long as it is there
    group = next(groups)
    assert group.title == "POST /faceswap, 256 x 256"
    alone, together = measure(group.cases, 1, warm_up=False)
    assert (alone.case, together.case) == ("one client", "40 clients")
    for row, case in zip((alone, together), group.cases, strict=True):
        assert row.facts["faults"] == "none"
        assert row.facts["200"] == case.items
        assert row.facts["engine"] == "mesh"
    assert alone.facts["503"] == 0
    assert float(together.facts["503"]) > 0  # more came than may wait
    groups.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "headers", "content", "fault"),
    [
        (500, {}, b"", "status 500"),
        (200, {}, b"no picture", "no picture"),
        (503, {}, b"", "503 without Retry-After"),
    ],
)
def test_what_should_not_be_is_counted(
    status: int, headers: dict[str, str], content: bytes, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    import httpx2
    from _bench_api_load import Answers, Load

    async def ask() -> Answers:
        answers = Answers()
        transport = httpx2.MockTransport(lambda request: httpx2.Response(status, headers=headers, content=content))
        async with httpx2.AsyncClient(transport=transport) as http:
            await Load("http://service.invalid", {"source_image": b"", "target_image": b""}, (8, 8))._ask(http, answers)
        return answers

    answers = asyncio.run(ask())
    assert answers.faults == {fault: 1}
    assert answers.statuses == {status: 1}
