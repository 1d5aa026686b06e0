"""The lip network's export at full size against the reference implementation's own output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.inference.onnx_runtime import open_session

if TYPE_CHECKING:
    import pytest

DATA = Path(__file__).parents[1] / "data" / "wav2lip_forward.npz"
SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_export_computes_what_the_reference_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_wav2lip

    rng = np.random.default_rng(7)
    mel = rng.uniform(-4, 4, (3, 1, 80, 16)).astype(np.float32)
    faces = rng.uniform(0, 1, (3, 6, 96, 96)).astype(np.float32)
    model = _replica_wav2lip.export(_replica_wav2lip.random_state())
    session = open_session(model.SerializeToString())
    (output,) = session.run(None, {"mel_spectrogram": mel, "video_frames": faces})
    with np.load(DATA) as reference:
        assert np.abs(output[:, :, ::4, ::4] - reference["output"]).max() < 1e-4  # every fourth row and column is kept
