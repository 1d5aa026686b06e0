"""Whole networks of the four families on the torch graph: beside onnxruntime, and behind insightface's own classes."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, load_model_from_string, numpy_helper

from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import open_torch_graph
from facefusion_cli.core.inference.torch_graph.base import Target
from facefusion_cli.core.inference.torch_graph.program import build_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision

SCRIPTS = Path(__file__).parents[2] / "scripts"
DETECTOR = Path(os.environ.get("TEST_MODELS", "")) / "scrfd_2.5g_bnkps.onnx"


class Detector:
    """Writes a small network with the operators, inputs and outputs of SCRFD: three strides, two anchors, points."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(9)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def weight(self, values: Any, kind: type = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def conv(self, value: str, inward: int, outward: int, side: int = 3, stride: int = 1, gain: float = 2**0.5) -> str:
        spread = gain / (inward * side * side) ** 0.5
        weight = self.weight(self.random.normal(0, spread, (outward, inward, side, side)))
        bias = self.weight(self.random.normal(0, 0.1, outward))
        return self.node("Conv", value, weight, bias, strides=[stride] * 2, pads=[side // 2] * 4)

    def twice(self, small: str, large: str) -> str:
        """Enlarge to the size of another, as the exporter writes it for a free size."""
        sides = []
        for axis in (2, 3):
            side = self.node("Gather", self.node("Shape", large), self.weight(axis, np.int64))
            sides.append(self.node("Unsqueeze", side, axes=[0]))
        front = self.node("Slice", self.node("Shape", small), *(self.weight([at], np.int64) for at in (0, 2, 0)))
        sizes = self.node("Concat", front, *(self.node("Cast", one, to=TensorProto.INT64) for one in sides), axis=0)
        none = self.weight([])
        return self.node(
            "Resize", small, none, none, sizes, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )

    def model(self) -> ModelProto:
        value = self.node("Relu", self.conv("input.1", 3, 8, stride=2))
        value = self.node("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])
        levels: list[tuple[str, int]] = []
        for width in (8, 16, 24):
            inward = levels[-1][1] if levels else 8
            shortcut = self.node("AveragePool", value, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
            shortcut = self.conv(shortcut, inward, width, 1)
            inner = self.node("Relu", self.conv(value, inward, width, stride=2))
            value = self.node("Relu", self.node("Add", self.conv(inner, width, width), shortcut))
            levels.append((value, width))
        necks = [self.conv(one, width, 8, 1) for one, width in levels]
        for at in (1, 0):
            necks[at] = self.node("Add", necks[at], self.twice(necks[at + 1], necks[at]))
        shapes = [self.weight([-1, width], np.int64) for width in (1, 4, 10)]
        for neck, stride in zip(necks, (8, 16, 32), strict=True):
            head = self.node("Relu", self.conv(neck, 8, 8))
            for name, width, shape in zip(("score", "bbox", "kps"), (1, 4, 10), shapes, strict=True):
                # Scores so far from 1 that no two are the same.
                found = self.conv(head, 8, 2 * width, gain=0.1 if name == "score" else 1.0)
                if name == "bbox":
                    found = self.node("Mul", found, self.weight(0.5))
                found = self.node("Transpose", found, perm=[0, 2, 3, 1])
                output = f"{name}_{stride}"
                if name == "score":
                    self.node("Sigmoid", self.node("Reshape", found, shape), output=output)
                else:
                    self.node("Reshape", found, shape, output=output)
        outputs = [
            helper.make_tensor_value_info(f"{name}_{stride}", TensorProto.FLOAT, ["n", width])
            for name, width in (("score", 1), ("bbox", 4), ("kps", 10))
            for stride in (8, 16, 32)
        ]
        image = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, "h", "w"])
        graph = helper.make_graph(self.nodes, "detector", [image], outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


@pytest.fixture(params=["detector", "recogniser", "swapper", "lip sync"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """A small network and inputs for a batch of three."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_faces
    import _replica_wav2lip

    random = np.random.default_rng(1)

    def pictures(*shape: int) -> NDArray[np.float32]:
        return random.random((3, *shape), np.float32)

    source = random.standard_normal((3, 512)).astype(np.float32)
    source /= np.linalg.norm(source, axis=1, keepdims=True)
    made: dict[str, tuple[ModelProto, dict[str, NDArray[Any]]]] = {
        "detector": (Detector().model(), {"input.1": pictures(3, 96, 64)}),
        "recogniser": (_replica_faces.recogniser(width=8, layers=(1, 1, 1, 1)), {"input.1": pictures(3, 112, 112)}),
        "swapper": (
            _replica_faces.swapper(width=8, blocks=2),
            {"target": pictures(3, 128, 128), "source": source},
        ),
        "lip sync": (
            _replica_wav2lip.export(_replica_wav2lip.random_state(2)),
            {"mel_spectrogram": pictures(1, 80, 16), "video_frames": pictures(6, 96, 96)},
        ),
    }
    model, feeds = made[request.param]
    return model.SerializeToString(), feeds


def _at(feeds: Mapping[str, NDArray[Any]], start: int, end: int) -> dict[str, NDArray[Any]]:
    return {name: value[start:end] for name, value in feeds.items()}


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-5), ("bf16", 0.06), ("fp16", 0.01)])
def test_results_are_those_of_onnxruntime(
    network: tuple[bytes, dict[str, NDArray[Any]]], precision: Precision, tolerance: float
) -> None:
    data, feeds = network
    ours, theirs = open_torch_graph(data, precision=precision, threads=2), open_session(data)
    alone = [theirs.run(None, _at(feeds, at, at + 1)) for at in range(3)]
    for batch in (1, 3):
        results = ours.run(None, _at(feeds, 0, batch))
        for got, parts in zip(results, zip(*alone, strict=True), strict=True):
            right = np.concatenate(parts[:batch])
            assert got.shape == right.shape
            assert np.abs(got - right).max() < tolerance * max(1.0, float(np.abs(right).max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_runs_on_a_device_stays_there(network: tuple[bytes, dict[str, NDArray[Any]]], dtype: torch.dtype) -> None:
    """The device "meta" has no numbers: it stands for a GPU, and fails where a value would come back."""
    data, feeds = network
    with torch.inference_mode():
        program = build_program(load_model_from_string(data), Target("meta", dtype))
        values = {name: torch.from_numpy(value[:1]).to("meta") for name, value in feeds.items()}
        for step in program.steps:
            results = step.kernel(*(values[one] if isinstance(one, str) else one for one in step.inputs))
            values.update(zip(step.outputs, [results] if isinstance(results, torch.Tensor) else results, strict=True))
    assert all(value.device.type == ("meta" if value.is_floating_point() else "cpu") for value in values.values())
    assert dtype in {value.dtype for value in values.values()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 0.06), ("fp16", 0.01)])
def test_results_on_a_gpu(
    network: tuple[bytes, dict[str, NDArray[Any]]], precision: Precision, tolerance: float
) -> None:
    data, feeds = network
    feeds = _at(feeds, 0, 1)
    results = open_torch_graph(data, device="cuda:0", precision=precision, threads=1).run(None, feeds)
    for got, right in zip(results, open_session(data).run(None, feeds), strict=True):
        assert np.abs(got - right).max() < tolerance * max(1.0, float(np.abs(right).max()))


def _quietly(call: Any, *arguments: Any, **options: Any) -> Any:
    """Call insightface, whose imports and alignment warn of what their dependencies will remove."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return call(*arguments, **options)


def _insightface(module: str, name: str) -> Any:
    import importlib

    return getattr(_quietly(importlib.import_module, f"insightface.model_zoo.{module}"), name)


def _same_faces(data: bytes | Path, picture: NDArray[np.uint8], size: tuple[int, int], threshold: float) -> int:
    """Detect with insightface's class on both sessions; how many faces both find at the same places."""
    detector = _insightface("scrfd", "SCRFD")
    found = []
    for session in (open_torch_graph(data, threads=2), open_session(data, threads=2)):
        scrfd = detector(session=session)
        scrfd.prepare(-1, det_thresh=threshold)
        boxes, points = scrfd.detect(picture, input_size=size)
        # The last bit may change the order of two that are as good.
        order = np.argsort(boxes[:, :4].sum(axis=1))
        found.append((boxes[order], points[order]))
    (boxes, points), (right, right_points) = found
    np.testing.assert_allclose(boxes, right, atol=1e-2)
    np.testing.assert_allclose(points, right_points, atol=1e-2)
    return len(boxes)


def test_insightface_detects_on_a_small_network(group: Path) -> None:
    picture = cv2.imread(str(group))
    assert picture is not None
    assert _same_faces(Detector().model().SerializeToString(), picture, (128, 96), 0.7) > 0  # type: ignore[arg-type]


@pytest.mark.parametrize("from_file", [False, True])
def test_insightface_detects_by_no_other_session_than_the_one_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_file: bool
) -> None:
    """As ``Session`` says how to make the detector."""
    path = tmp_path / "detector.onnx"
    path.write_bytes(Detector().model().SerializeToString())
    session = open_torch_graph(path, threads=2)
    run = Mock(wraps=session.run)
    monkeypatch.setattr(session, "run", run)
    options = {"model_file": str(path), "static_shape_sessions": False} if from_file else {}
    scrfd = _insightface("scrfd", "SCRFD")(session=session, **options)
    scrfd.prepare(-1, det_thresh=0.7)
    for size in ((128, 96), (64, 64)):
        scrfd.detect(np.zeros((96, 128, 3), np.uint8), input_size=size)
    assert run.call_count == 2
    assert set(scrfd.resolution_sessions.values()) == {session}


@pytest.mark.skipif(not DETECTOR.is_file(), reason="TEST_MODELS names no folder with the weights")
def test_insightface_detects_the_six_faces_of_a_picture(group: Path) -> None:
    picture = cv2.imread(str(group))
    assert picture is not None
    assert _same_faces(DETECTOR, picture, (640, 640), 0.5) == 6  # type: ignore[arg-type]


POINTS = np.array([[38, 52], [74, 51], [56, 72], [42, 92], [71, 92]], np.float32)


class Face(dict[str, Any]):
    """As insightface's own: entries are attributes."""

    kps = POINTS

    @property
    def normed_embedding(self) -> NDArray[np.float32]:
        values: NDArray[np.float32] = np.random.default_rng(2).standard_normal(512).astype(np.float32)
        values /= np.linalg.norm(values)
        return values


@pytest.fixture
def crop(group: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(group))
    assert picture is not None
    return np.ascontiguousarray(picture[100:260, 100:260], np.uint8)


def test_insightface_recognises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crop: NDArray[np.uint8]) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_faces

    path = tmp_path / "recogniser.onnx"
    path.write_bytes(_replica_faces.recogniser(width=8, layers=(1, 1, 1, 1)).SerializeToString())
    recogniser = _insightface("arcface_onnx", "ArcFaceONNX")
    features = []
    for session in (open_torch_graph(path, threads=2), open_session(path)):
        arcface = recogniser(model_file=str(path), session=session)
        arcface.prepare(-1)
        features.append(_quietly(arcface.get, crop, Face()))
    np.testing.assert_allclose(features[0], features[1], atol=1e-4)
    assert features[0].shape == (512,)


def test_insightface_swaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crop: NDArray[np.uint8]) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import _replica_faces

    path = tmp_path / "swapper.onnx"
    path.write_bytes(_replica_faces.swapper(width=8, blocks=2).SerializeToString())
    swapper = _insightface("inswapper", "INSwapper")
    swapped = []
    for session in (open_torch_graph(path, threads=2), open_session(path)):
        face, _ = _quietly(swapper(model_file=str(path), session=session).get, crop, Face(), Face(), paste_back=False)
        swapped.append(face)
    assert swapped[0].shape == (128, 128, 3)
    assert swapped[0].std() > 5
    assert np.abs(swapped[0].astype(int) - swapped[1]).max() <= 1
