"""How the words after lipsync's options are read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from facefusion_cli.cli.lip_options import extend_of, fit_of, pads_of, rate_of
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.lipsync.checks import check_options
from facefusion_cli.core.lipsync.options import LipSyncOptions, Pads
from facefusion_cli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", Fraction(25)),
        ("29.97", Fraction(2997, 100)),
        ("30000/1001", Fraction(30000, 1001)),
        (" 12.5 ", Fraction(25, 2)),
    ],
)
def test_rates(text: str, rate: Fraction) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "x", "0", "0/5", "5/0", "-25", "1e3", "nan", "25fps", "30000/1001/2", "٢٥"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError, match="no rate") as refused:
        rate_of(text)
    assert "--fps" in refused.value.hint


def test_pads() -> None:
    assert pads_of("0,5,0,0") == Pads()
    assert pads_of(" 1.5, -10 ,100,2") == Pads(0.015, -0.1, 1.0, 0.02)


@pytest.mark.parametrize("text", ["", "5", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,,3", "1e2,0,0,0", "nan,0,0,0"])
def test_what_are_no_pads(text: str) -> None:
    with pytest.raises(UsageError, match="no pads") as refused:
        pads_of(text)
    assert "--pads" in refused.value.hint


def test_words() -> None:
    assert [fit_of(word) for word in ("audio", "VIDEO", "longest", "shortest")] == [
        "audio",
        "video",
        "longest",
        "shortest",
    ]
    assert [extend_of(word) for word in ("pingpong", "loop", "freeze")] == ["pingpong", "loop", "freeze"]
    with pytest.raises(UsageError, match='--fit "both" cannot be') as refused:
        fit_of("both")
    assert refused.value.hint == "Choose audio, video, longest or shortest."
    with pytest.raises(UsageError, match='--extend "black" cannot be'):
        extend_of("black")


def test_what_may_be_chosen() -> None:
    check_options(LipSyncOptions())
    check_options(LipSyncOptions(chunk_seconds=Fraction(1, 10), mouth_strength=2.0, sync_offset=-10_000))


@pytest.mark.parametrize(
    "chosen",
    [
        {"engine": "magic"},
        {"face": FaceSelection("all")},
        {"face": FaceSelection("indices", (0, 1))},
        {"face": FaceSelection("left"), "reference": Path("ada.jpg")},
        {"chunk_seconds": Fraction(61)},
        {"chunk_seconds": Fraction(1, 11)},
        {"mouth_strength": -0.1},
        {"mouth_strength": 2.1},
        {"mouth_strength": float("nan")},
        {"mix_original": -1.0},
        {"mix_original": float("inf")},
        {"fps": Fraction(241)},
        {"sync_offset": 10_001},
        {"pads": Pads(bottom=1.5)},
        {"pads": Pads(left=-0.5)},
        {"precision": "fp8"},
        {"threads": 0},
        {"device": "gpu"},
    ],
    ids=str,
)
def test_what_may_not(chosen: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        check_options(LipSyncOptions(**chosen))
