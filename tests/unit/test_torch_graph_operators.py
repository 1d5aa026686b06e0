"""Every operator of the torch graph beside onnxruntime, on small random values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError, open_torch_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = {
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}


def floats(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).uniform(-2, 2, shape).astype(np.float32)


def longs(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def number(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


def model(
    op: str,
    inputs: list[NDArray[Any] | None],
    opset: int,
    *,
    free: tuple[int, ...] = (0,),
    outputs: int = 1,
    gives: int = TensorProto.FLOAT,
    **attributes: Any,
) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """A graph of one node, and its inputs; those not in ``free`` are weights."""
    names = ["" if value is None else f"in{at}" for at, value in enumerate(inputs)]
    results = [f"out{at}" for at in range(outputs)]
    given = {names[at]: value for at, value in enumerate(inputs) if value is not None and at in free}
    weights = [numpy_helper.from_array(v, names[a]) for a, v in enumerate(inputs) if v is not None and a not in free]
    graph = helper.make_graph(
        [helper.make_node(op, names, results, **attributes)],
        "one",
        [helper.make_tensor_value_info(name, TYPES[value.dtype.name], value.shape) for name, value in given.items()],
        [helper.make_tensor_value_info(name, gives, ["?"] * 4) for name in results],
        weights,
    )
    for result in graph.output:
        # Of any rank: onnxruntime finds it out, and so do we.
        result.type.tensor_type.ClearField("shape")
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    made = onnx.shape_inference.infer_shapes(made)
    for result in made.graph.output:
        if not result.type.tensor_type.HasField("shape"):
            result.type.tensor_type.shape.SetInParent()
    return made.SerializeToString(), given


def check(op: str, inputs: list[NDArray[Any] | None], opset: int, **options: Any) -> None:
    data, feeds = model(op, inputs, opset, **options)
    before = {name: value.copy() for name, value in feeds.items()}
    got = open_torch_graph(data, threads=1).run(None, feeds)
    right = open_session(data).run(None, feeds)
    assert len(got) == len(right)
    for one, other in zip(got, right, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
        assert one.flags.owndata
        assert one.flags.c_contiguous
    for name, value in feeds.items():
        np.testing.assert_array_equal(value, before[name])


PICTURE = floats(2, 3, 7, 6)
BATCH_NORM: list[NDArray[Any] | None] = [
    floats(3, seed=1),
    floats(3, seed=2),
    floats(3, seed=3),
    np.abs(floats(3, seed=4)) + 0.1,
]
BOTH = (0, 1)
ANY = (0, 1, 2)


@pytest.mark.parametrize("opset", [9, 11, 13, 17])
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Abs", {}),
        ("Ceil", {}),
        ("Exp", {}),
        ("Flatten", {}),
        ("Flatten", {"axis": 0}),
        ("Flatten", {"axis": 3}),
        ("Floor", {}),
        ("GlobalAveragePool", {}),
        ("Identity", {}),
        ("LeakyRelu", {}),
        ("LeakyRelu", {"alpha": 0.2}),
        ("Neg", {}),
        ("ReduceMean", {"axes": [2, 3]}),
        ("ReduceMean", {"axes": [1], "keepdims": 0}),
        ("ReduceMean", {"keepdims": 0}),
        ("Relu", {}),
        ("Sigmoid", {}),
        ("Softmax", {"axis": 1}),
        ("Softmax", {"axis": 3}),
        ("Softmax", {}),
        ("Tanh", {}),
        ("Transpose", {}),
        ("Transpose", {"perm": [0, 2, 3, 1]}),
    ],
)
def test_one_input(op: str, attributes: dict[str, Any], opset: int) -> None:
    check(op, [PICTURE], opset, **attributes)


@pytest.mark.parametrize("op", ["Sqrt", "Reciprocal"])
def test_positive_input(op: str) -> None:
    check(op, [np.abs(PICTURE) + 0.1], 11)


@pytest.mark.parametrize("opset", [9, 13, 14])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(2, 3, 7, 6), (3, 1, 1), (1,), (2, 1, 1, 6)])
@pytest.mark.parametrize("free", [BOTH, (0,), (1,)])
def test_arithmetic(op: str, opset: int, shape: tuple[int, ...], free: tuple[int, ...]) -> None:
    check(op, [PICTURE, np.abs(floats(*shape, seed=5)) + 0.5], opset, free=free)


def test_integers_are_divided_towards_zero() -> None:
    check("Div", [longs(7, -7, 7, -7), longs(2, 2, -2, -2)], 13, free=BOTH, gives=TensorProto.INT64)


@pytest.mark.parametrize("exponent", [number(2), number(0.5), number(3), np.array([2], np.float32), floats(6)])
def test_power(exponent: NDArray[Any]) -> None:
    for free in ((0,), BOTH):
        check("Pow", [np.abs(PICTURE), exponent], 13, free=free)


def test_power_of_another_type() -> None:
    check("Pow", [PICTURE, np.array(2, np.int64)], 13, free=BOTH)
    check("Pow", [PICTURE, np.array(3, np.int64)], 13)


@pytest.mark.parametrize("op", ["Min", "Max", "Sum"])
def test_any_number_of_inputs(op: str) -> None:
    check(op, [PICTURE], 13)
    check(op, [PICTURE, floats(3, 1, 1), floats(1)], 13, free=ANY)
    check(op, [PICTURE, floats(2, 3, 7, 6, seed=9)], 8, free=BOTH)


def test_conditions() -> None:
    other = np.where(PICTURE > 0, PICTURE, 0).astype(np.float32)
    check("Equal", [PICTURE, other], 13, free=BOTH, gives=TensorProto.BOOL)
    check("Where", [PICTURE > 0, PICTURE, floats(3, 1, 1)], 9, free=ANY)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,), (1, 1, 1), (7, 1), (6,), (3, 7, 6)])
def test_prelu_broadcasts_its_slope_one_way(shape: tuple[int, ...]) -> None:
    check("PRelu", [PICTURE, floats(*shape)], 11)


def test_prelu_of_a_matrix() -> None:
    check("PRelu", [floats(4, 5), floats(5)], 16)


def test_clip() -> None:
    check("Clip", [PICTURE], 9)
    check("Clip", [PICTURE], 9, min=-0.5, max=1.0)
    check("Clip", [PICTURE, None, number(1)], 11)
    check("Clip", [PICTURE, number(0)], 13)
    check("Clip", [PICTURE, number(0.5), number(0.25)], 13)


END = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("bounds", "opset", "attributes"),
    [
        ((), 9, {}),
        ((), 9, {"min": -END, "max": END}),
        ((), 11, {}),
        ((number(0),), 11, {}),
        ((None, number(0)), 11, {}),
        ((number(-END), number(END)), 13, {}),
        ((number(-np.inf), number(np.inf)), 13, {}),
    ],
)
def test_clip_at_the_ends_of_float32(
    bounds: tuple[NDArray[np.float32] | None, ...], opset: int, attributes: dict[str, float]
) -> None:
    values = np.array([-np.inf, -END, -1, 0, 1, END, np.inf, np.nan], np.float32)
    check("Clip", [values, *bounds], opset, **attributes)


def test_clip_of_integers() -> None:
    for bound in (None, np.array(0)):
        check("Clip", [longs(-5, 1, 2**62), bound, np.array(3)], 12, gives=TensorProto.INT64)


def test_reductions_with_axes_as_input() -> None:
    check("ReduceMean", [PICTURE, longs(2, 3)], 18)
    check("ReduceMean", [PICTURE], 18, noop_with_empty_axes=1)
    check("ReduceMean", [PICTURE], 18)
    check("ReduceSum", [PICTURE, longs(-1)], 13, keepdims=0)
    check("ReduceSum", [PICTURE], 11, axes=[1])


CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"pads": [1, 1, 1, 1], "strides": [2, 2]},
    {"pads": [0, 2, 1, 3]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER"},
    {"auto_pad": "VALID"},
    {"dilations": [2, 1], "pads": [2, 2, 2, 2]},
    {"kernel_shape": [3, 2], "group": 1},
]


@pytest.mark.parametrize("opset", [9, 11])
@pytest.mark.parametrize("attributes", CONVOLUTIONS)
@pytest.mark.parametrize("channels", [3, 12])
def test_convolution(attributes: dict[str, Any], opset: int, channels: int) -> None:
    picture = floats(2, channels, 7, 6)
    check("Conv", [picture, floats(5, channels, 3, 2, seed=1), floats(5, seed=2)], opset, **attributes)
    check("Conv", [picture, floats(5, channels, 3, 2, seed=1)], opset, **attributes)


def test_convolution_in_groups_and_along_a_line() -> None:
    check("Conv", [floats(2, 6, 7, 6), floats(6, 1, 3, 3), floats(6)], 11, group=6, pads=[1, 1, 1, 1])
    check("Conv", [floats(2, 6, 7, 6), floats(4, 3, 3, 3)], 11, group=2)
    check("Conv", [floats(2, 3, 9), floats(4, 3, 3), floats(4)], 11, pads=[2, 1])


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [2, 3], "pads": [0, 1, 2, 1]},
        {"strides": [2, 2], "pads": [0, 1, 1, 0], "output_padding": [1, 0]},
        {"dilations": [2, 2]},
        {"auto_pad": "VALID"},
    ],
)
def test_transposed_convolution(attributes: dict[str, Any]) -> None:
    for opset in (9, 11):
        check("ConvTranspose", [PICTURE, floats(3, 4, 3, 3, seed=1), floats(4)], opset, **attributes)
    check("ConvTranspose", [floats(2, 4, 5, 5), floats(4, 3, 3, 3, seed=1)], 11, group=2)


@pytest.mark.parametrize("flip", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("offset", [None, (5,), (1, 5), (4, 1), (4, 5), ()])
def test_gemm(flip: tuple[int, int], offset: tuple[int, ...] | None) -> None:
    left, right = floats(*((3, 4) if flip[0] else (4, 3))), floats(*((5, 3) if flip[1] else (3, 5)), seed=1)
    third = None if offset is None else floats(*offset, seed=2)
    for free in ((0,), BOTH, ANY):
        check("Gemm", [left, right, third], 11, free=free, alpha=0.5, beta=2.0, transA=flip[0], transB=flip[1])


def test_matmul() -> None:
    for free in ((0,), (1,), BOTH):
        check("MatMul", [floats(2, 3, 4), floats(4, 5)], 13, free=free)
        check("MatMul", [floats(2, 3, 4), floats(2, 4, 5)], 9, free=free)


@pytest.mark.parametrize("opset", [9, 14, 15])
def test_batch_normalization(opset: int) -> None:
    check("BatchNormalization", [PICTURE, *BATCH_NORM], opset, epsilon=1e-3)
    check("BatchNormalization", [PICTURE[:, :, 0, 0].copy(), *BATCH_NORM], opset)


POOLS: list[dict[str, Any]] = [
    {},
    {"strides": [2, 2]},
    {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"strides": [2, 2], "ceil_mode": 1},
    {"strides": [2, 2], "pads": [1, 0, 1, 0], "ceil_mode": 1},
    {"auto_pad": "VALID", "strides": [2, 1]},
]
UNEVEN: list[dict[str, Any]] = [
    {"strides": [2, 2], "pads": [0, 1, 2, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("attributes", [*POOLS, *UNEVEN])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (3, 2)])
def test_max_pool(attributes: dict[str, Any], shape: tuple[int, int]) -> None:
    check("MaxPool", [floats(2, 3, 8, 7)], 11, kernel_shape=shape, **attributes)


def test_max_pool_along_a_line_and_dilated() -> None:
    check("MaxPool", [floats(2, 3, 9)], 11, kernel_shape=[3], strides=[2])
    check("MaxPool", [floats(2, 3, 8, 7)], 12, kernel_shape=[2, 2], dilations=[2, 3])


@pytest.mark.parametrize("attributes", POOLS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 2)])
def test_average_pool(attributes: dict[str, Any], shape: tuple[int, int]) -> None:
    check("AveragePool", [floats(2, 3, 8, 7)], 11, kernel_shape=shape, **attributes)


@pytest.mark.parametrize("attributes", [POOLS[0], POOLS[2], UNEVEN[0]])
def test_average_pool_that_counts_its_padding(attributes: dict[str, Any]) -> None:
    check("AveragePool", [floats(2, 3, 8, 7)], 11, kernel_shape=[3, 3], count_include_pad=1, **attributes)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize("pads", [(0, 0, 1, 2, 0, 0, 3, 0), (1, 0, 0, 0, 1, 0, 0, 2), (0, 0, 0, 0, 0, 0, 0, 0)])
def test_pad(mode: str, pads: tuple[int, ...]) -> None:
    picture = floats(3, 2, 6, 7)
    check("Pad", [picture], 9, mode=mode, pads=pads)
    check("Pad", [picture, longs(*pads)], 11, mode=mode)
    check("Pad", [picture, longs(*pads)], 13, mode=mode, free=BOTH)


def test_pad_with_a_value_on_some_axes_or_cutting_off() -> None:
    check("Pad", [PICTURE], 9, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.5)
    check("Pad", [PICTURE, longs(0, 0, 1, 1, 0, 0, 1, 1), number(1.5)], 13)
    check("Pad", [PICTURE, longs(1, 2, 3, 4), None, longs(2, -1)], 18, mode="reflect")
    check("Pad", [PICTURE, longs(0, 0, -1, 1, 0, 0, -2, 0)], 11)
    check("Pad", [floats(5), longs(2, 3)], 11, mode="reflect")


@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("opset", [11, 13, 19])
@pytest.mark.parametrize("sizes", [(14, 12), (7, 6), (4, 3), (9, 17), (1, 6)])
def test_resize_linear(coordinates: str, opset: int, sizes: tuple[int, int]) -> None:
    common: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": coordinates}
    region, none = (np.array([], np.float32),) * 2 if opset == 11 else (None, None)
    check("Resize", [PICTURE, region, none, longs(2, 3, *sizes)], opset, **common)
    scales = np.array([1, 1, sizes[0] / 7, sizes[1] / 6], np.float32)
    check("Resize", [PICTURE, region, scales], opset, **common)
    if sizes[0] != 7 and sizes[1] != 6:
        uneven = scales + np.array([0, 0, 0.01, 0.01], np.float32)
        check("Resize", [PICTURE, region, uneven], opset, **common)


@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("sizes", [(16, 16), (24, 8), (4, 2), (12, 6), (5, 8)])
def test_resize_nearest(coordinates: str, rounding: str, sizes: tuple[int, int]) -> None:
    common: dict[str, Any] = {"coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
    if coordinates == "align_corners":
        sizes = (15, 8)  # any others end beside an edge
    check("Resize", [floats(2, 3, 8, 8), None, None, longs(2, 3, *sizes)], 13, **common)


def test_resize_where_rounding_decides_is_refused() -> None:
    data, feeds = model(
        "Resize", [PICTURE, None, None, longs(2, 3, 4, 6)], 13, coordinate_transformation_mode="asymmetric"
    )
    with pytest.raises(UnsupportedGraphError, match="Resize"):
        open_torch_graph(data, threads=1).run(None, feeds)


def test_resize_of_some_axes_and_with_scales_computed() -> None:
    check("Resize", [PICTURE, None, np.array([2, 3], np.float32)], 18, axes=[2, 3], mode="linear")
    check("Resize", [PICTURE, None, np.array([1, 1, 2, 2], np.float32)], 13, free=(0, 2))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample_and_the_first_resize(mode: str) -> None:
    scales = np.array([1, 1, 2, 3], np.float32)
    check("Upsample", [PICTURE], 7, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
    check("Upsample", [PICTURE, scales], 9, mode=mode)
    check("Resize", [PICTURE, scales], 10, mode=mode)


@pytest.mark.parametrize("shape", [(2, 126), (0, -1), (-1,), (2, 3, 42), (0, 0, 42), (1, -1, 1)])
def test_reshape(shape: tuple[int, ...]) -> None:
    check("Reshape", [PICTURE, longs(*shape)], 11)
    check("Reshape", [PICTURE, longs(*shape)], 14, free=BOTH)


def test_reshape_to_a_literal_zero() -> None:
    check("Reshape", [np.zeros((0, 3), np.float32), longs(3, 0)], 14, allowzero=1)


def test_squeeze_and_unsqueeze() -> None:
    thin = floats(1, 3, 1, 2)
    check("Squeeze", [thin], 11)
    check("Squeeze", [thin], 11, axes=[0, -2])
    check("Squeeze", [thin, longs(2)], 13)
    check("Squeeze", [thin, longs()], 13)
    check("Unsqueeze", [PICTURE], 11, axes=[0, 3])
    check("Unsqueeze", [PICTURE, longs(-1, 1)], 13)


@pytest.mark.parametrize("opset", [9, 13])
def test_concat(opset: int) -> None:
    check("Concat", [PICTURE, floats(2, 5, 7, 6), floats(2, 1, 7, 6)], opset, free=(0, 2), axis=1)
    check("Concat", [longs(1, 2), longs(3)], opset, free=BOTH, axis=0, gives=TensorProto.INT64)


def test_split() -> None:
    check("Split", [PICTURE], 11, outputs=3, axis=1)
    check("Split", [PICTURE], 11, outputs=2, axis=2, split=[2, 5])
    check("Split", [PICTURE, longs(4, 2)], 13, outputs=2, axis=-1)
    check("Split", [PICTURE], 18, outputs=2, axis=2, num_outputs=2)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((1, 0), (3, 2), (2, 3), None),
        ((-3,), (2**63 - 1,), (2,), None),
        ((0,), (-1,), (3,), (2,)),
        ((5,), (-(2**63),), (3,), (-2,)),
        ((5,), (1,), (2,), (-1,)),
        ((4,), (2,), (2,), None),
        ((0, 1), (1, 2), None, None),
    ],
)
def test_slice(
    starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...] | None, steps: tuple[int, ...] | None
) -> None:
    inputs: list[NDArray[Any] | None] = [None if one is None else longs(*one) for one in (starts, ends, axes, steps)]
    check("Slice", [PICTURE, *inputs], 13)
    check("Slice", [PICTURE, *inputs], 10, free=BOTH)
    if steps is None:
        attributes = {"starts": starts, "ends": ends, **({} if axes is None else {"axes": axes})}
        check("Slice", [PICTURE], 9, **attributes)


@pytest.mark.parametrize("indices", [np.array(1), np.array([0, -1, 2]), np.array([[1, 1], [0, 2]])])
@pytest.mark.parametrize("axis", [1, -1])
def test_gather(indices: NDArray[np.int64], axis: int) -> None:
    check("Gather", [PICTURE, indices], 11, axis=axis)
    check("Gather", [PICTURE, indices], 13, axis=axis, free=BOTH)


def test_shapes_and_types() -> None:
    check("Shape", [PICTURE], 13, gives=TensorProto.INT64)
    check("Shape", [PICTURE], 15, gives=TensorProto.INT64, start=1, end=-1)
    check("Cast", [PICTURE], 13, to=TensorProto.INT64, gives=TensorProto.INT64)
    check("Cast", [PICTURE], 9, to=TensorProto.BOOL, gives=TensorProto.BOOL)
    check("Cast", [longs(1, -2)], 13, to=TensorProto.FLOAT)
    check("Cast", [longs(1, -2)], 13, to=TensorProto.INT32, gives=TensorProto.INT32)
    check("ConstantOfShape", [longs(2, 3)], 9)
    check("ConstantOfShape", [longs(2)], 9, value=numpy_helper.from_array(longs(7)), gives=TensorProto.INT64)
    check("Expand", [floats(3, 1), longs(2, 1, 4)], 13)
    check("Range", [np.array(9), np.array(2), np.array(-3)], 11, free=ANY, gives=TensorProto.INT64)


@pytest.mark.parametrize("opset", [9, 12, 13])
def test_dropout_does_nothing(opset: int) -> None:
    check("Dropout", [PICTURE, number(0.3)] if opset >= 12 else [PICTURE], opset)


@pytest.mark.parametrize(
    "attributes",
    [
        {"value": numpy_helper.from_array(floats(2, 2))},
        {"value_float": 1.5},
        {"value_floats": [1.5, 2.5]},
    ],
)
def test_constant(attributes: dict[str, Any]) -> None:
    check("Constant", [], 13, **attributes)


def test_constant_integers() -> None:
    check("Constant", [], 13, value_int=3, gives=TensorProto.INT64)
    check("Constant", [], 13, value_ints=[3, 4], gives=TensorProto.INT64)


@settings(max_examples=40)
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
)
def test_any_geometry(
    size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, ...]
) -> None:
    picture = floats(1, 2, *size)
    check("Conv", [picture, floats(3, 2, *kernel)], 11, strides=strides, pads=pads)
    check("ConvTranspose", [picture, floats(2, 3, *kernel)], 11, strides=strides, pads=[0, pads[1], 0, 0])
    if max(pads) < min(kernel):
        check("MaxPool", [picture], 11, kernel_shape=kernel, strides=strides, pads=pads)


@pytest.mark.parametrize(
    ("op", "inputs", "opset", "attributes"),
    [
        ("Resize", [PICTURE, None, np.array([1, 1, 2, 2], np.float32)], 13, {"mode": "cubic"}),
        ("Resize", [PICTURE, None, np.array([1, 1, 2, 2], np.float32)], 18, {"antialias": 1, "mode": "linear"}),
        ("Pad", [PICTURE, longs(0, 0, 1, 1, 0, 0, 1, 1)], 19, {"mode": "wrap"}),
        ("ConvTranspose", [PICTURE, floats(3, 4, 3, 3)], 11, {"output_shape": [8, 8]}),
        ("ConvTranspose", [PICTURE, floats(3, 4, 3, 3)], 11, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("AveragePool", [PICTURE], 11, {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}),
        ("AveragePool", [PICTURE], 19, {"kernel_shape": [2, 2], "dilations": [2, 2]}),
        ("Cast", [PICTURE], 13, {"to": TensorProto.DOUBLE, "gives": TensorProto.DOUBLE}),
        ("Conv", [floats(1, 2, 5, 5, 5), floats(3, 2, 2, 2, 2)], 11, {}),
        ("Conv", [PICTURE, floats(4, 3, 3, 3)], 22, {}),
        ("Gelu", [PICTURE], 20, {}),
        ("LRN", [PICTURE], 13, {"size": 3}),
    ],
)
def test_what_is_beyond_it_is_refused_by_name(
    op: str, inputs: list[NDArray[Any] | None], opset: int, attributes: dict[str, Any]
) -> None:
    data, _ = model(op, inputs, opset, **attributes)
    with pytest.raises(UnsupportedGraphError, match=op if attributes.get("to") is None else "float32"):
        open_torch_graph(data, threads=1)


@pytest.mark.parametrize(
    ("op", "inputs", "opset", "attributes"),
    [
        ("MaxPool", [PICTURE], 11, {"kernel_shape": [2, 2], "ceil_mode": 1, "strides": [4, 3], "pads": [0, 0, 2, 1]}),
        (
            "AveragePool",
            [PICTURE],
            11,
            {"kernel_shape": [3, 3], "ceil_mode": 1, "strides": [3, 2], "count_include_pad": 1},
        ),
        ("Resize", [PICTURE, None, np.array([1, 2, 1, 1], np.float32)], 13, {}),
        ("Resize", [PICTURE, None, np.array([1, 1, 1.01, 2], np.float32)], 13, {"mode": "linear"}),
        ("Resize", [PICTURE, np.array([1, 1, 0.5, 0.5], np.float32)], 10, {}),
        ("Pad", [PICTURE, longs(0, 0, -1, 1, 0, 0, 0, 0)], 13, {"mode": "edge"}),
        ("ReduceMean", [longs(1, 2)], 13, {"gives": TensorProto.INT64}),
        ("Range", [number(0), number(2), number(0.5)], 11, {"free": ANY}),
    ],
)
def test_what_only_the_input_shows_is_refused_as_it_runs(
    op: str, inputs: list[NDArray[Any] | None], opset: int, attributes: dict[str, Any]
) -> None:
    data, feeds = model(op, inputs, opset, **attributes)
    session = open_torch_graph(data, threads=1)
    with pytest.raises(UnsupportedGraphError, match=op):
        session.run(None, feeds)


def test_a_reflection_longer_than_the_picture_is_an_error() -> None:
    data, feeds = model("Pad", [floats(1, 1, 3), longs(0, 0, 3, 0, 0, 0)], 11, mode="reflect")
    with pytest.raises(ValueError, match="Pad"):
        open_torch_graph(data, threads=1).run(None, feeds)
