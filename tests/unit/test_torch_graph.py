"""What the torch graph promises as a session, whatever network it runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import TorchGraph, UnsupportedGraphError, open_torch_graph
from facefusion_cli.core.inference.torch_graph.program import Program, Step, ValueInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import NodeProto

    from facefusion_cli.core.device import Precision

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def floats(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).uniform(-1, 1, shape).astype(np.float32)


def network(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
    weights: Mapping[str, NDArray[Any]] | None = None,
    *,
    opset: int = 11,
    kind: int = FLOAT,
) -> ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def small() -> ModelProto:
    """A convolution, its normalisation and a sum with the input's sibling."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "g", "s", "m", "v"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    weights: dict[str, NDArray[Any]] = {
        "unused": floats(3, 3),
        "w": floats(4, 3, 3, 3),
        "b": floats(4, seed=1),
        "g": floats(4, seed=2),
        "s": floats(4, seed=3),
        "m": floats(4, seed=4),
        "v": np.abs(floats(4, seed=5)) + 0.1,
    }
    return network(nodes, {"x": [1, 3, 8, "w"]}, {"y": [1, 4], "r": [1, 4, 8, "w"]}, weights)


PICTURE = floats(1, 3, 8, 9)


def test_a_file_and_its_bytes_give_the_same_network(tmp_path: Path) -> None:
    data = small().SerializeToString()
    path = tmp_path / "ünïcode name.onnx"
    path.write_bytes(data)
    answers = [open_torch_graph(one, threads=1).run(None, {"x": PICTURE})[0] for one in (path, data)]
    assert answers[0].tobytes() == answers[1].tobytes()


def test_what_the_session_tells_about_itself() -> None:
    data = small().SerializeToString()
    ours, theirs = open_torch_graph(data, threads=1), open_session(data)
    for got, right in ((ours.get_inputs(), theirs.get_inputs()), (ours.get_outputs(), theirs.get_outputs())):
        assert [(one.name, list(one.shape), one.type) for one in got] == [
            (one.name, list(one.shape), one.type) for one in right
        ]
    assert ours.get_providers() == theirs.get_providers()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 0.03), ("fp16", 0.005)])
def test_results_are_those_of_onnxruntime_in_float32(precision: Precision, tolerance: float) -> None:
    data = small().SerializeToString()
    right = open_session(data).run(None, {"x": PICTURE})
    got = open_torch_graph(data, precision=precision, threads=1).run(None, {"x": PICTURE})
    for one, other in zip(got, right, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_only_the_outputs_asked_for_come_back() -> None:
    session = open_torch_graph(small().SerializeToString(), threads=1)
    both = session.run(None, {"x": PICTURE})
    (second,) = session.run(["r"], {"x": PICTURE})
    np.testing.assert_array_equal(second, both[1])


def test_a_graph_stays_on_its_device() -> None:
    for session in (graph := open_torch_graph(small().SerializeToString(), threads=1), OneByOne(graph)):
        session.set_providers(["CUDAExecutionProvider"])
        assert session.get_providers() == ["CPUExecutionProvider"]


def test_results_are_the_callers_own() -> None:
    nodes = [helper.make_node("Identity", ["x"], ["same"]), helper.make_node("Identity", ["w"], ["weight"])]
    model = network(nodes, {"x": [2]}, {"same": [2], "weight": [2]}, {"w": floats(2)})
    session = open_torch_graph(model.SerializeToString(), threads=1)
    given = floats(2, seed=1)
    kept = given.copy()
    given.flags.writeable = False
    for one in session.run(None, {"x": given}):
        one += 1
    np.testing.assert_array_equal(given, kept)
    np.testing.assert_array_equal(session.run(["weight"], {"x": given})[0], floats(2))


def test_inputs_need_not_be_contiguous() -> None:
    session = open_torch_graph(small().SerializeToString(), threads=1)
    turned = PICTURE[:, ::-1].transpose(0, 1, 3, 2)[:, :, :8]
    (one, _), (other, _) = (session.run(None, {"x": x}) for x in (turned, np.ascontiguousarray(turned)))
    np.testing.assert_array_equal(one, other)


def test_a_batch_is_what_each_gives_alone() -> None:
    session = open_torch_graph(small().SerializeToString(), threads=1)
    pictures = floats(3, 3, 8, 9)
    together = session.run(None, {"x": pictures})
    alone = [session.run(None, {"x": pictures[at : at + 1]}) for at in range(3)]
    for got, parts in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(got, np.concatenate(parts), atol=1e-6)


def test_shapes_traced_with_a_batch_of_one_let_more_pass() -> None:
    nodes = [
        helper.make_node("Resize", ["x", "", "", "sizes"], ["big"]),
        helper.make_node("Reshape", ["big", "shape"], ["y"]),
    ]
    weights = {"sizes": np.array([1, 2, 4, 4]), "shape": np.array([1, 32])}
    model = network(nodes, {"x": [1, 2, 2, 2]}, {"y": [1, 32]}, weights, opset=13)
    session = open_torch_graph(model.SerializeToString(), threads=1)
    pictures = floats(3, 2, 2, 2)
    (got,) = session.run(None, {"x": pictures})
    alone = [open_session(model.SerializeToString()).run(None, {"x": one[None]})[0] for one in pictures]
    np.testing.assert_array_equal(got, np.concatenate(alone))


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ({}, "inputs"),
        ({"x": PICTURE, "z": PICTURE}, "inputs"),
        ({"x": PICTURE.astype(np.float64)}, "float64"),
        ({"x": PICTURE[0]}, "shape"),
        ({"x": PICTURE[:, :2]}, "shape"),
    ],
)
def test_wrong_inputs_are_told(feeds: dict[str, NDArray[Any]], words: str) -> None:
    session = open_torch_graph(small().SerializeToString(), threads=1)
    with pytest.raises(ValueError, match=words):
        session.run(None, feeds)


def test_wrong_outputs_are_told() -> None:
    session = open_torch_graph(small().SerializeToString(), threads=1)
    with pytest.raises(ValueError, match="absent"):
        session.run(["absent"], {"x": PICTURE})


def test_several_threads_at_once() -> None:
    session = open_torch_graph(small().SerializeToString(), threads=2)
    pictures = [floats(1, 3, 8, 9, seed=seed) for seed in range(8)]
    right = [session.run(None, {"x": picture})[0] for picture in pictures]
    got: list[NDArray[Any] | None] = [None] * 8

    def work(at: int) -> None:
        got[at] = session.run(None, {"x": pictures[at]})[0]

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(got, right, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """The caller uses two threads, and so does what it starts."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def seen_by_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_graph_runs_on_its_own_number_of_threads(threads: int) -> None:
    seen: list[tuple[int, int]] = []

    def kernel(value: torch.Tensor) -> torch.Tensor:
        seen.append((torch.get_num_threads(), seen_by_a_new_thread()))
        return value

    info = [ValueInfo("x", [1], "tensor(float)")]
    session = TorchGraph(
        Program(info, [ValueInfo("y", [1], "tensor(float)")], {}, [Step(kernel, ["x"], ["y"], [])]), "cpu", threads
    )
    for _ in range(2):
        session.run(None, {"x": floats(1)})
    assert seen == [(threads, 2)] * 2
    assert torch.get_num_threads() == seen_by_a_new_thread() == 2


@pytest.mark.usefixtures("two_threads")
def test_sessions_at_once_leave_the_number_of_threads_to_others_as_it_was() -> None:
    sessions = [open_torch_graph(small().SerializeToString(), threads=threads) for threads in (5, 6, 7, 8)]
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(session.run, None, {"x": PICTURE}) for session in sessions * 4]
        for run in runs:
            run.result()
    assert torch.get_num_threads() == seen_by_a_new_thread() == 2


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_bounds_beyond_the_precision_are_none(precision: Precision) -> None:
    end = float(np.finfo(np.float32).max)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Clip", ["c"], ["d"], min=-end, max=end),
        helper.make_node("Clip", ["d"], ["y"], min=0.0),
    ]
    weights = {"w": floats(4, 3, 1, 1)}
    data = network(nodes, {"x": [1, 3, 8, "w"]}, {"y": [1, 4, 8, "w"]}, weights, opset=9).SerializeToString()
    (got,) = open_torch_graph(data, precision=precision, threads=1).run(None, {"x": PICTURE})
    (right,) = open_session(data).run(None, {"x": PICTURE})
    np.testing.assert_allclose(got, right, atol=0.02)


def test_shapes_computed_as_it_runs() -> None:
    """As old exporters write an enlargement to twice the size, in integers and in floats."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "two", "four", "zero"], ["sides"]),
        helper.make_node("Cast", ["sides"], ["wide"], to=FLOAT),
        helper.make_node("Mul", ["wide", "factor"], ["double"]),
        helper.make_node("Floor", ["double"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["sizes"], to=INT64),
        helper.make_node("Slice", ["shape", "zero", "two", "zero"], ["front"]),
        helper.make_node("Concat", ["front", "sizes"], ["all"], axis=0),
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Resize", ["c", "none", "none", "all"], ["y"], coordinate_transformation_mode="asymmetric"),
    ]
    weights = {
        "zero": np.array([0]),
        "two": np.array([2]),
        "four": np.array([4]),
        "factor": np.array(2, np.float32),
        "none": np.array([], np.float32),
        "w": floats(3, 3, 1, 1),
    }
    model = network(nodes, {"x": ["n", 3, "h", "w"]}, {"y": ["n", 3, "h2", "w2"]}, weights).SerializeToString()
    # 514 is not a number in bf16: shapes must not be computed in it.
    picture = floats(2, 3, 3, 257)
    for precision, tolerance in (("fp32", 1e-6), ("bf16", 0.03)):
        (got,) = open_torch_graph(model, precision=precision, threads=1).run(None, {"x": picture})  # type: ignore[arg-type]
        (right,) = open_session(model).run(None, {"x": picture})
        assert got.shape == right.shape == (2, 3, 6, 514)
        np.testing.assert_allclose(got, right, atol=tolerance)


def test_weights_in_float16_are_computed_with_at_least_as_exactly() -> None:
    weight = floats(2, 3, 1, 1).astype(np.float16)
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Conv", ["half", "w"], ["c"]),
        helper.make_node("Cast", ["c"], ["y"], to=FLOAT),
    ]
    model = network(nodes, {"x": [1, 3, 8, 9]}, {"y": [1, 2, 8, 9]}, {"w": weight}).SerializeToString()
    (got,) = open_torch_graph(model, threads=1).run(None, {"x": PICTURE})
    right = np.einsum("oc,nchw->nohw", weight[:, :, 0, 0].astype(np.float64), PICTURE)
    np.testing.assert_allclose(got, right, atol=1e-6)


def _refused(model: ModelProto, words: str) -> None:
    with pytest.raises(UnsupportedGraphError, match=words):
        open_torch_graph(model.SerializeToString(), threads=1)


def test_other_graphs_are_refused_when_they_are_opened() -> None:
    foreign = helper.make_node("Relu", ["x"], ["y"], domain="com.example")
    shapes: tuple[dict[str, list[int | str]], dict[str, list[int | str]]] = {"x": [1, 2]}, {"y": [1, 2]}
    _refused(network([foreign], *shapes), "com.example")
    _refused(network([helper.make_node("NoSuch", ["x"], ["y"])], *shapes), "NoSuch")
    _refused(network([helper.make_node("Relu", ["x"], ["y"], surprise=1)], *shapes), "surprise")
    _refused(network([helper.make_node("Relu", ["x"], ["y"])], *shapes, opset=999), "999")
    _refused(network([helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DOUBLE)], *shapes), "DOUBLE")
    _refused(network([helper.make_node("Relu", ["x"], ["y"])], *shapes, kind=TensorProto.FLOAT16), '"y"')
    double = {"w": np.ones((1, 2))}
    _refused(network([helper.make_node("Add", ["x", "w"], ["y"])], *shapes, weights=double), '"w"')


def test_what_no_output_needs_is_left_out() -> None:
    nodes = [helper.make_node("NoSuch", ["x"], ["z"]), helper.make_node("Relu", ["x"], ["y"])]
    model = network(nodes, {"x": [1, 2]}, {"y": [1, 2]}, {"odd": np.ones(2)})
    (got,) = open_torch_graph(model.SerializeToString(), threads=1).run(None, {"x": np.array([[-1, 2]], np.float32)})
    np.testing.assert_array_equal(got, [[0, 2]])


def test_weights_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    model = network([helper.make_node("Add", ["x", "w"], ["y"])], {"x": [2]}, {"y": [2]}, {"w": floats(2)})
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret")
    path = tmp_path / "outside.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedGraphError, match="outside"):
        open_torch_graph(path, threads=1)
