"""Whose face it is, with a small network of the real one's contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.recognition import Recogniser, similarity
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.session import Session, TensorInfo

SCRIPTS = Path(__file__).parents[2] / "scripts"
POINTS = np.array([[203.5, 101.0], [246.6, 103.5], [223.5, 126.8], [202.1, 139.3], [245.8, 140.7]], np.float32)


class Counting:
    """A session that knows how many faces each run had, and may answer with something else."""

    def __init__(self, session: Session, answer: float | None = None) -> None:
        self._session, self._answer = session, answer
        self.runs: list[int] = []

    def get_inputs(self) -> Sequence[TensorInfo]:
        return self._session.get_inputs()

    def get_outputs(self) -> Sequence[TensorInfo]:
        return self._session.get_outputs()

    def get_providers(self) -> list[str]:
        return self._session.get_providers()

    def set_providers(self, providers: Sequence[str]) -> None: ...

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.runs.append(len(input_feed["input.1"]))
        answers = self._session.run(output_names, input_feed)
        return answers if self._answer is None else [np.full_like(one, self._answer) for one in answers]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recogniser") / "small_r50.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import _replica_faces

        path.write_bytes(_replica_faces.recogniser(width=4, layers=(1, 1, 1, 1)).SerializeToString())
    return path


@pytest.fixture(scope="module")
def session(model: Path) -> Session:
    return open_session(model)


def portrait(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def face_at(x: float, y: float) -> Face:
    return Face(np.zeros((478, 3), np.float32), 1.0, POINTS + np.array([x, y], np.float32))


@pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")
def test_embeddings_are_insightfaces_normalised(model: Path, session: Session, astronaut: Path) -> None:
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX

    picture = portrait(astronaut)
    faces = [face_at(0, 0), face_at(100, 200), face_at(-180, 30)]
    theirs = ArcFaceONNX(str(model), session)
    found = Recogniser(model, session).embed(picture, faces)
    for face, embedded in zip(faces, found, strict=True):
        assert embedded.keypoints is face.keypoints
        assert embedded.embedding is not None
        assert embedded.embedding.shape == (512,)
        assert np.linalg.norm(embedded.embedding) == pytest.approx(1, abs=1e-6)
        expected = theirs.get(picture, SimpleNamespace(kps=face.points))
        assert similarity(embedded.embedding, expected) > 0.9999
    first, second = (one.embedding for one in found[:2])
    assert first is not None
    assert second is not None
    assert similarity(first, second) < 0.999


def test_all_faces_share_a_run_and_crowds_a_few(model: Path, session: Session, astronaut: Path) -> None:
    counting = Counting(session)
    picture = portrait(astronaut)
    crowd = [face_at(5 * number, 0) for number in range(20)]
    together = Recogniser(model, counting).embed(picture, crowd)
    assert counting.runs == [16, 4]
    counting.runs.clear()
    apart = Recogniser(model, counting, batched=False).embed(picture, crowd)
    assert counting.runs == [1] * 20
    for one, other in zip(together, apart, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-5)


def test_faces_with_an_embedding_keep_it(model: Path, session: Session, astronaut: Path) -> None:
    counting = Counting(session)
    picture = portrait(astronaut)
    known = replace(face_at(100, 200), embedding=np.eye(1, 512, dtype=np.float32)[0])
    first, second, third = Recogniser(model, counting).embed(picture, [face_at(0, 0), known, face_at(5, 0)])
    assert second is known
    assert counting.runs == [2]
    again = Recogniser(model, counting).embed(picture, [face_at(0, 0), face_at(5, 0)])
    for one, other in zip((first, third), again, strict=True):
        assert np.array_equal(one.embedding, other.embedding)  # type: ignore[arg-type]
    counting.runs.clear()
    assert Recogniser(model, counting).embed(picture, again) == again
    assert counting.runs == []


def test_no_faces_need_no_run(model: Path, session: Session) -> None:
    counting = Counting(session)
    assert Recogniser(model, counting).embed(np.zeros((10, 10, 3), np.uint8), []) == []
    assert counting.runs == []


@pytest.mark.parametrize("answer", [np.nan, np.inf, 0.0])
def test_answers_that_are_no_direction_are_the_weights_fault(model: Path, session: Session, answer: float) -> None:
    broken = Recogniser(model, Counting(session, answer))
    with pytest.raises(WeightsError, match=r"small_r50\.onnx"):
        broken.embed(np.zeros((300, 300, 3), np.uint8), [face_at(0, 0)])


def test_the_file_is_not_read_again(session: Session, tmp_path: Path) -> None:
    Recogniser(tmp_path / "not there.onnx", session)


def test_similarity_is_a_cosine() -> None:
    one = np.array([3.0, 4.0], np.float32)
    assert similarity(one, 7 * one) == 1.0
    assert similarity(one, -one) == -1.0
    assert similarity(one, np.array([4.0, -3.0], np.float32)) == 0.0
