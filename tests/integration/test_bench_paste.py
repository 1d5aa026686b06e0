"""The benchmark of pasting runs, with insightface's own code beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_both_ways_of_pasting_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from _bench_frame import measure
    from _bench_paste import PASTE

    group = next(PASTE.groups(None))
    assert group.title == "face of 128 px in 720p"
    rows = measure(group.cases, repeats=1)
    assert [row.case for row in rows] == [
        "insightface's get, with its paste-back",
        "insightface's get, without",
        "paste a crop of 128",
        "paste a crop of 512",
        "copy of 64 MiB in memory",
    ]
    assert [row.gbytes_s is not None for row in rows] == [False, False, True, True, True]
    assert all(row.of_yardstick for row in rows[2:4])
