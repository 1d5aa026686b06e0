from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.inference.onnx_runtime import open_embedded, open_session

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.inference.session import Session

ASSETS = resources.files("facefusion_cli").joinpath("assets")


def answer(session: Session) -> list[bytes]:
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 3, 128, 128)).astype(np.float32)
    return [output.tobytes() for output in session.run(None, {"input": picture})]


def test_a_file_and_its_bytes_give_the_same_network(tmp_path: Path) -> None:
    data = ASSETS.joinpath("blazeface_short.onnx").read_bytes()
    path = tmp_path / "ünïcode name.onnx"
    path.write_bytes(data)
    assert answer(open_session(path)) == answer(open_session(data)) == answer(open_embedded("blazeface_short.onnx"))


def test_what_the_session_tells_about_itself() -> None:
    session = open_embedded("face_mesh.onnx")
    assert [(one.name, list(one.shape), one.type) for one in session.get_inputs()] == [
        ("input", [1, 3, 192, 192], "tensor(float)")
    ]
    assert [one.name for one in session.get_outputs()] == ["landmarks", "presence"]
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_only_the_outputs_asked_for_come_back() -> None:
    session = open_embedded("blazeface_full.onnx")
    (scores,) = session.run(["scores"], {"input": np.zeros((1, 3, 192, 192), np.float32)})
    assert scores.shape == (1, 2304, 1)


def test_damage_and_absence_are_told(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"(?i)protobuf"):
        open_session(b"no model")
    with pytest.raises(Exception, match=r"(?i)exist"):
        open_session(tmp_path / "missing.onnx")
    with pytest.raises(FileNotFoundError):
        open_embedded("missing.onnx")
