"""How the words after faceswap's options are read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from facefusion_cli.cli.swap_options import boost_of, pair_of
from facefusion_cli.cli.video_options import seconds_of
from facefusion_cli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)),
        ("12.5", Fraction(25, 2)),
        ("90", Fraction(90)),
        ("1:30", Fraction(90)),
        ("0:01:30.25", Fraction(361, 4)),
        ("100:00:00", Fraction(360000)),
        (" 5 ", Fraction(5)),
    ],
)
def test_times(text: str, seconds: Fraction) -> None:
    assert seconds_of(text, "--start") == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1::2", "5s", "nan", "inf", "1e3", "٣"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="no time") as refused:
        seconds_of(text, "--start")
    assert "--start" in refused.value.hint


def test_no_time_is_none() -> None:
    assert seconds_of(None, "--start") is None


@pytest.mark.parametrize(("text", "boost"), [("auto", 0), ("AUTO", 0), ("1", 1), ("4", 4)])
def test_boosts(text: str, boost: int) -> None:
    assert boost_of(text) == boost


@pytest.mark.parametrize("text", ["0", "5", "", "2.0", "best"])
def test_what_is_no_boost(text: str) -> None:
    with pytest.raises(UsageError, match="no boost"):
        boost_of(text)


@pytest.mark.parametrize(
    ("person", "source"), [("a.jpg", "b.jpg"), ("a=b.jpg", "c.jpg"), ("a.jpg", "b=c.jpg"), ("=.jpg", "=b=.jpg")]
)
def test_a_pair_is_split_where_two_files_are(
    person: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (person, source):
        Path(name).touch()
    assert pair_of(f"{person}={source}") == (Path(person), Path(source))


def test_what_is_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").touch()
    for text in ("a.jpg", "=a.jpg", "a.jpg=", ""):
        with pytest.raises(UsageError, match="maps nothing"):
            pair_of(text)
    with pytest.raises(UsageError, match=r'"gone\.jpg" in --map a\.jpg=gone\.jpg is no file'):
        pair_of("a.jpg=gone.jpg")
    with pytest.raises(UsageError, match="between the names of two files"):
        pair_of("a.jpg=b=c.jpg")
