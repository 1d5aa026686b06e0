"""Nodes that are computed together: the same numbers, and only where nobody sees what was in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, load_model_from_string, numpy_helper

from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import open_torch_graph
from facefusion_cli.core.inference.torch_graph.base import Target
from facefusion_cli.core.inference.torch_graph.onednn import serves
from facefusion_cli.core.inference.torch_graph.program import build_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import NodeProto

    from facefusion_cli.core.device import Precision

PICTURE = np.random.default_rng(0).uniform(-1, 1, (2, 9, 8, 8)).astype(np.float32)


def floats(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).uniform(-1, 1, shape).astype(np.float32)


def network(nodes: Sequence[NodeProto], weights: dict[str, NDArray[Any]], outputs: Sequence[str] = ("y",)) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "fused",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(PICTURE.shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def steps(data: bytes, dtype: torch.dtype = torch.float32) -> int:
    model: ModelProto = load_model_from_string(data)
    return len(build_program(model, Target("cpu", dtype)).steps)


def difference(data: bytes, precision: Precision = "fp32") -> float:
    got = open_torch_graph(data, precision=precision, threads=1).run(None, {"x": PICTURE})
    right = open_session(data).run(None, {"x": PICTURE})
    return max(float(np.abs(one - other).max()) for one, other in zip(got, right, strict=True))


STATISTICS: dict[str, NDArray[Any]] = {
    "g": floats(6),
    "s": floats(6, seed=1),
    "m": floats(6, seed=2),
    "v": np.abs(floats(6, seed=3)) + 0.1,
}
NORMALIZE = helper.make_node("BatchNormalization", ["c", "g", "s", "m", "v"], ["y"])


@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalization_becomes_part_of_the_convolution(bias: bool) -> None:
    weights = {**STATISTICS, "w": floats(6, 3, 3, 3), "b": floats(6, seed=4)}
    names = ["x", "w", "b"] if bias else ["x", "w"]
    data = network([helper.make_node("Conv", names, ["c"], group=3), NORMALIZE], weights)
    assert steps(data) == 1
    assert difference(data) < 1e-5


def test_batch_normalization_becomes_part_of_the_transposed_convolution() -> None:
    data = network(
        [helper.make_node("ConvTranspose", ["x", "w", "b"], ["c"], strides=[2, 2]), NORMALIZE],
        {**STATISTICS, "w": floats(9, 6, 3, 3), "b": floats(6, seed=4)},
    )
    assert steps(data) == 1
    assert difference(data) < 1e-5


def test_batch_normalization_stays_where_the_convolution_is_seen() -> None:
    weights = {**STATISTICS, "w": floats(6, 9, 3, 3)}
    convolution = helper.make_node("Conv", ["x", "w"], ["c"])
    watched = network([convolution, NORMALIZE], weights, outputs=("y", "c"))
    assert steps(watched) == 2
    assert difference(watched) < 1e-5
    used = network([convolution, helper.make_node("Relu", ["c"], ["r"]), NORMALIZE], weights, outputs=("y", "r"))
    assert steps(used) == 3
    assert difference(used) < 1e-5


def test_batch_normalization_stays_behind_groups_that_are_transposed() -> None:
    data = network(
        [helper.make_node("ConvTranspose", ["x", "w"], ["c"], group=3), NORMALIZE],
        {**STATISTICS, "w": floats(9, 2, 3, 3)},
    )
    assert steps(data) == 2
    assert difference(data) < 1e-5


def test_what_depends_on_no_input_is_computed_once() -> None:
    nodes = [
        helper.make_node("Constant", [], ["half"], value_float=0.5),
        helper.make_node("Mul", ["w", "half"], ["scaled"]),
        helper.make_node("Conv", ["x", "scaled"], ["y"]),
    ]
    data = network(nodes, {"w": floats(6, 9, 3, 3)})
    assert steps(data) == 1
    assert difference(data) < 1e-5


def instance_normalization(
    square: str = "Mul", last: str = "Div", axes: Sequence[int] = (2, 3), epsilon: str = "epsilon"
) -> list[NodeProto]:
    twice = ["d", "d"] if square == "Mul" else ["d", "two"]
    ends = {
        "Div": [helper.make_node("Div", ["d", "deviation"], ["y"])],
        "Reciprocal": [
            helper.make_node("Reciprocal", ["deviation"], ["inverse"]),
            helper.make_node("Mul", ["d", "inverse"], ["y"]),
        ],
        "One over": [
            helper.make_node("Div", ["one", "deviation"], ["inverse"]),
            helper.make_node("Mul", ["d", "inverse"], ["y"]),
        ],
    }
    return [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("ReduceMean", ["c"], ["mean"], axes=list(axes)),
        helper.make_node("Sub", ["c", "mean"], ["d"]),
        helper.make_node(square, twice, ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=list(axes)),
        helper.make_node("Add", ["power", epsilon], ["raised"]),
        helper.make_node("Sqrt", ["raised"], ["deviation"]),
        *ends[last],
    ]


NUMBERS: dict[str, NDArray[Any]] = {
    "w": floats(12, 9, 3, 3),
    "two": np.array(2, np.float32),
    "one": np.array(1, np.float32),
    "epsilon": np.array(1e-8, np.float32),
    "epsilons": np.full((12, 1, 1), 1e-8, np.float32),
}


@pytest.mark.parametrize("square", ["Mul", "Pow"])
@pytest.mark.parametrize("last", ["Div", "Reciprocal", "One over"])
def test_instance_normalization_is_one_step_in_reduced_precision(square: str, last: str) -> None:
    data = network(instance_normalization(square, last), NUMBERS)
    assert steps(data, torch.bfloat16) == 2
    assert steps(data) > 2
    assert difference(data) < 1e-4
    assert difference(data, "bf16") < 0.06
    assert difference(data, "fp16") < 0.008


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_constants_too_small_for_the_precision_are_kept(precision: Precision) -> None:
    """A channel without any variation is divided by the root of epsilon alone: 1e-8 must not become 0."""
    weights = {**NUMBERS, "w": np.zeros((12, 9, 3, 3), np.float32)}
    for nodes in (instance_normalization(), instance_normalization(epsilon="epsilons")):
        (got,) = open_torch_graph(network(nodes, weights), precision=precision, threads=1).run(None, {"x": PICTURE})
        np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize(
    "nodes",
    [
        instance_normalization(axes=(1, 2)),
        instance_normalization(epsilon="epsilons"),
        [*instance_normalization(), helper.make_node("Relu", ["power"], ["z"])],
        [*instance_normalization(), helper.make_node("Relu", ["d"], ["z"])],
        [*instance_normalization(), helper.make_node("Relu", ["mean"], ["z"])],
    ],
)
def test_what_is_not_quite_instance_normalization_is_left_as_it_is(nodes: list[NodeProto]) -> None:
    data = network(nodes, NUMBERS, outputs=("y", "z") if nodes[-1].output[0] == "z" else ("y",))
    assert steps(data, torch.bfloat16) == len(nodes)
    assert difference(data, "bf16") < 0.06


def test_a_convolution_of_pictures_rounds_only_its_result() -> None:
    pictures = network([helper.make_node("Conv", ["x", "w"], ["y"], group=3)], {"w": floats(6, 3, 3, 3)})
    assert difference(pictures, "bf16") > 0.01  # nine channels are no picture
    few = network(
        [helper.make_node("Split", ["x"], ["a", "b", "c"], axis=1), helper.make_node("Conv", ["b", "w"], ["y"])],
        {"w": floats(6, 3, 3, 3)},
    )
    (got,) = open_torch_graph(few, precision="bf16", threads=1).run(None, {"x": PICTURE})
    (right,) = open_session(few).run(None, {"x": PICTURE})
    np.testing.assert_allclose(got, right, rtol=2**-8, atol=1e-5)


ACTIVATED: dict[str, NDArray[Any]] = {
    "w": floats(9, 9, 3, 3) / 9,
    "b": floats(9, seed=5),
    "u": floats(9, 12, 3, 3, seed=6) / 9,
    "one": floats(1, 9, 1, 1, seed=7),
}
CONVOLVE = helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1])
ENLARGE = helper.make_node("ConvTranspose", ["x", "u"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2], output_padding=[1, 1])


def relu(name: str) -> NodeProto:
    return helper.make_node("Relu", [name], ["y"])


def total(*names: str) -> NodeProto:
    return helper.make_node("Add", list(names), ["t"])


def one_pass() -> bool:
    return serves(Target("cpu", torch.bfloat16))


@pytest.mark.parametrize(
    "nodes",
    [
        [CONVOLVE, relu("c")],
        [CONVOLVE, total("c", "x"), relu("t")],
        [CONVOLVE, total("x", "c"), relu("t")],
        [ENLARGE, relu("c")],
    ],
)
def test_what_follows_a_convolution_becomes_part_of_it(nodes: list[NodeProto]) -> None:
    data = network(nodes, ACTIVATED)
    assert steps(data, torch.bfloat16) == (1 if one_pass() else len(nodes))
    assert steps(data) == len(nodes)
    assert difference(data, "bf16") < 0.03


@pytest.mark.parametrize(
    "nodes",
    [
        [CONVOLVE, total("c", "one"), relu("t")],
        [helper.make_node("Conv", ["x", "w"], ["c"]), total("c", "one"), relu("t")],
        [CONVOLVE, relu("c"), helper.make_node("Neg", ["c"], ["z"])],
        [CONVOLVE, total("c", "x"), relu("t"), helper.make_node("Neg", ["t"], ["z"])],
        [CONVOLVE, total("c", "c"), relu("t")],
        [ENLARGE, helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]), relu("p")],
    ],
)
def test_what_something_else_sees_or_has_another_shape_is_left_as_it_is(nodes: list[NodeProto]) -> None:
    data = network(nodes, ACTIVATED, outputs=("y", "z") if nodes[-1].output[0] == "z" else ("y",))
    assert steps(data, torch.bfloat16) >= len(nodes) - 1
    assert difference(data, "bf16") < 0.03


def test_a_convolution_of_few_channels_does_it_all_the_same() -> None:
    weights = {"w": floats(3, 3, 3, 3, seed=8) / 9}
    nodes = [
        helper.make_node("Split", ["x"], ["p", "q", "r"], axis=1),
        helper.make_node("Conv", ["q", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["q", "c"], ["t"]),
        relu("t"),
    ]
    assert difference(network(nodes, weights), "bf16") < 0.03


@pytest.mark.parametrize("node", [CONVOLVE, ENLARGE])
def test_weights_fit_values_of_any_size_in_any_order(node: NodeProto) -> None:
    """They are laid out for one size at a time."""
    graph = helper.make_graph(
        [node],
        "sizes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 9, "h", "w"])],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [None] * 4)],
        [numpy_helper.from_array(value, name) for name, value in ACTIVATED.items() if name != "one"],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    session, right = open_torch_graph(data, precision="bf16", threads=1), open_session(data)
    first: dict[tuple[int, ...], NDArray[np.float32]] = {}
    for shape in [(1, 9, 8, 8), (3, 9, 24, 16), (1, 9, 8, 8), (16, 9, 8, 8), (3, 9, 24, 16)]:
        feed = {"x": floats(*shape)}
        (got,) = session.run(None, feed)
        np.testing.assert_allclose(got, right.run(None, feed)[0], atol=0.03)
        np.testing.assert_array_equal(got, first.setdefault(shape, got))
