"""Finding the matrix that no node takes, in files that have it, have it not, or are no such files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facefusion_cli.core.faceswap.inswapper.emap import EMBEDDING, read_emap
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (EMBEDDING, EMBEDDING)


@pytest.fixture(scope="module")
def emap() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def network(*tensors: TensorProto, nodes: tuple[onnx.NodeProto, ...] = (), output: str = "y") -> onnx.ModelProto:
    """One that adds a number to its input, with these tensors and nodes besides."""
    vector = [1, EMBEDDING]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"]), *nodes],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, vector)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, vector)],
        [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]), *tensors],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "toy.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def tensor(values: NDArray[Any], name: str = "emap") -> TensorProto:
    return numpy_helper.from_array(values, name)


def in_numbers(values: NDArray[np.float32]) -> TensorProto:
    return helper.make_tensor("emap", TensorProto.FLOAT, SHAPE, values.reshape(-1).tolist())


@pytest.mark.parametrize(
    "make", [tensor, in_numbers, lambda values: tensor(values.astype(np.float16))], ids=["raw", "numbers", "half"]
)
@pytest.mark.parametrize("last", [True, False])
def test_it_is_found_wherever_and_however_it_stands(
    make: Callable[[NDArray[np.float32]], TensorProto], last: bool, emap: NDArray[np.float32], tmp_path: Path
) -> None:
    other = tensor(np.ones((3, EMBEDDING), np.float32), "other")
    counts = tensor(np.ones(SHAPE, np.int32), "counts")
    tensors = [other, counts, make(emap)]
    found = read_emap(saved(network(*(tensors if last else tensors[::-1])), tmp_path))
    assert found.dtype == np.float32
    half = make is not tensor and make is not in_numbers
    assert np.array_equal(found, emap.astype(np.float16) if half else emap)


def test_one_that_a_node_takes_is_not_it(emap: NDArray[np.float32], tmp_path: Path) -> None:
    taken = tensor(emap + 1, "taken")
    product = helper.make_node("MatMul", ["x", "taken"], ["z"])
    assert np.array_equal(read_emap(saved(network(taken, tensor(emap), nodes=(product,)), tmp_path)), emap)


def test_nor_one_that_a_graph_within_a_node_takes(emap: NDArray[np.float32], tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["z"])],
        "branch",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, SHAPE)],
    )
    straight = helper.make_graph([], "straight", [], [helper.make_tensor_value_info("outer", TensorProto.FLOAT, SHAPE)])
    choice = helper.make_node("If", ["x"], ["z"], then_branch=branch, else_branch=straight)
    tensors = (tensor(emap + 1, "inner"), tensor(emap + 2, "outer"), tensor(emap))
    assert np.array_equal(read_emap(saved(network(*tensors, nodes=(choice,)), tmp_path)), emap)


def test_nor_one_that_is_given_out(emap: NDArray[np.float32], tmp_path: Path) -> None:
    model = network(tensor(emap + 1, "given"), tensor(emap), output="given")
    assert np.array_equal(read_emap(saved(model, tmp_path)), emap)


def test_a_file_must_have_one_and_only_one(emap: NDArray[np.float32], tmp_path: Path) -> None:
    with pytest.raises(WeightsDamagedError, match=r'toy.onnx" is not used: it has no matrix for identities'):
        read_emap(saved(network(tensor(emap[:-1])), tmp_path))
    with pytest.raises(WeightsDamagedError, match="it has 2 candidates for the matrix"):
        read_emap(saved(network(tensor(emap), tensor(emap + 1, "emap2")), tmp_path))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_it_must_be_one_that_can_be_inverted(value: float, emap: NDArray[np.float32], tmp_path: Path) -> None:
    broken = emap.copy()
    broken[:, 7] = value
    with pytest.raises(WeightsDamagedError, match="cannot be inverted"):
        read_emap(saved(network(tensor(broken)), tmp_path))


def test_one_as_uneven_as_the_published_one_can(emap: NDArray[np.float32], tmp_path: Path) -> None:
    left, sizes, right = np.linalg.svd(emap.astype(np.float64))
    uneven = (left * np.geomspace(20, 0.001, len(sizes)) @ right).astype(np.float32)
    assert np.array_equal(read_emap(saved(network(tensor(uneven)), tmp_path)), uneven)


def test_other_files_are_never_opened(emap: NDArray[np.float32], tmp_path: Path) -> None:
    outside = tensor(emap)
    (tmp_path / "numbers").write_bytes(outside.raw_data)
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="numbers")
    with pytest.raises(WeightsDamagedError, match="in other files"):
        read_emap(saved(network(outside), tmp_path))


def test_what_is_no_network_or_damaged(emap: NDArray[np.float32], tmp_path: Path) -> None:
    whole = network(tensor(emap)).SerializeToString()
    path = tmp_path / "toy.onnx"
    short = tensor(emap)
    short.raw_data = short.raw_data[:-4]
    numbers = np.random.default_rng(1).integers(0, 256, 5000, np.uint8).tobytes()
    for content in (
        b"",
        b"<html>not found</html>",
        numbers,
        b"\xff" * 50,
        b"\x3a\x02\x0b\x0c",  # groups, which ONNX does not have
        whole[: len(whole) // 2],
        whole[:-1],
        network(short).SerializeToString(),
    ):
        path.write_bytes(content)
        with pytest.raises(WeightsDamagedError, match=r'"[^"]*toy.onnx" is not'):
            read_emap(path)
    with pytest.raises(WeightsDamagedError, match="cannot be read"):
        read_emap(tmp_path / "missing.onnx")
