"""Whether there is room for the work, asked before it begins."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.media.room import check_room, encoded_bytes
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path


def test_too_little_room_is_refused_with_both_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=200 * 10**6))
    check_room(tmp_path, 100 * 10**6, "the video")
    with pytest.raises(OutputError, match=r"for the video: about .* are needed, 200.0 MB are free"):
        check_room(tmp_path, 10**9, "the video")


def test_better_quality_takes_more_room() -> None:
    sizes = [encoded_bytes(1280 * 720, 1500, 60.0, EncodeOptions("h264", crf)) for crf in (12, 18, 24)]
    assert sizes[0] > 1.7 * sizes[1] > 2.5 * sizes[2]
    assert encoded_bytes(1280 * 720, 1500, 60.0, EncodeOptions("prores")) > 10 * sizes[1]
