"""ONNX files from elsewhere: what is refused before anything is done with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.inference.onnx_file import check_onnx
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def graph(nodes: list[Any], tensors: list[Any], name: str = "graph") -> Any:
    from onnx import TensorProto, helper

    return helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])] if name == "graph" else [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        tensors,
    )


def model(*nodes: Any, tensors: tuple[Any, ...] = ()) -> Any:
    from onnx import helper

    return helper.make_model(graph([*nodes], [*tensors]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def node(operator: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(operator, ["x"], ["y"], **attributes)


def tensor(location: str = "") -> Any:
    """Two numbers, in the file or said to be in another."""
    from onnx import TensorProto, helper

    made = helper.make_tensor("c", TensorProto.FLOAT, [2], [1.0, 2.0])
    if location:
        made.ClearField("float_data")
        made.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, "length": "8"}.items():
            made.external_data.add(key=key, value=value)
    return made


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[Any], str]:
    """Why a model is refused."""

    def why(made: Any) -> str:
        path = tmp_path / "given.onnx"
        path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
        with pytest.raises(WeightsDamagedError) as raised:
            check_onnx(path)
        return raised.value.message.removeprefix(f'"{path}" is ')

    return why


def test_ordinary_ones_pass(tmp_path: Path) -> None:
    branch = graph([node("Relu")], [tensor()], "branch")
    for number, made in enumerate(
        (
            model(node("Relu")),
            model(node("Relu"), tensors=(tensor(),)),
            model(node("If", then_branch=branch, else_branch=branch)),
            model(node("Scaler", domain="ai.onnx.ml")),
        )
    ):
        path = tmp_path / f"{number}.json"  # the name says nothing
        path.write_bytes(made.SerializeToString())
        check_onnx(path)


@pytest.mark.parametrize("location", ["weights.bin", "../secret", "/etc/passwd", "link", "*/_ORT_MEM_ADDR_/*"])
def test_b74_tensors_in_other_files(refused: Callable[[Any], str], tmp_path: Path, location: str) -> None:
    from onnx import TensorProto, helper

    (tmp_path / "weights.bin").write_bytes(bytes(8))
    os.link(tmp_path / "weights.bin", tmp_path / "link")
    outside = tensor(location)
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 1])
    sparse = helper.make_sparse_tensor(outside, indices, [4])
    inner = graph([node("Relu")], [outside], "branch")
    plain = graph([node("Relu")], [], "branch")
    with_sparse = model(node("Relu"))
    with_sparse.graph.sparse_initializer.append(sparse)
    made_of_many = node("Relu")
    made_of_many.attribute.append(helper.make_attribute("values", [outside]))
    made_of_graphs = node("Relu")
    made_of_graphs.attribute.append(helper.make_attribute("branches", [plain, inner]))
    deep = graph([node("If", then_branch=plain, else_branch=inner)], [], "branch")
    for made in (
        model(node("Relu"), tensors=(tensor(), outside)),
        model(node("Constant", value=outside)),
        model(node("Constant", sparse_value=sparse)),
        model(made_of_many),
        model(made_of_graphs),
        model(node("If", then_branch=deep, else_branch=plain)),
        with_sparse,
    ):
        assert refused(made) == "not used: parts of it are in other files."


def test_entries_without_the_flag_are_enough(refused: Callable[[Any], str]) -> None:
    half = tensor("weights.bin")
    half.ClearField("data_location")
    assert refused(model(node("Relu"), tensors=(half,))) == "not used: parts of it are in other files."


def test_operators_of_others(refused: Callable[[Any], str]) -> None:
    foreign = node("Run", domain="org.example")
    branch = graph([foreign], [], "branch")
    for made in (model(foreign), model(node("If", then_branch=branch, else_branch=branch))):
        assert refused(made) == 'not used: its operator "Run" is not of ONNX but of "org.example".'


def test_functions_and_training(refused: Callable[[Any], str]) -> None:
    from onnx import helper

    made = model(node("Relu"))
    made.functions.append(helper.make_function("", "F", ["x"], ["y"], [node("Relu")], made.opset_import))
    assert refused(made) == "not used: it brings functions of its own."
    made = model(node("Relu"))
    made.training_info.add()
    assert refused(made) == "not used: it brings training steps."


def test_graphs_that_do_nothing(refused: Callable[[Any], str]) -> None:
    no_input, no_output, no_node, constant = (model(node("Relu"), tensors=(tensor(),)) for _ in range(4))
    del no_input.graph.input[:]
    del no_output.graph.output[:]
    del no_node.graph.node[:]
    constant.graph.input[0].name = "c"  # as old exporters list their constants
    for made in (no_input, no_output, no_node, constant, b""):
        assert refused(made) == "not used: it is no network with inputs and outputs."


def test_b74_other_files(refused: Callable[[Any], str]) -> None:
    whole = model(node("Relu"), tensors=(tensor(),)).SerializeToString()
    for content in (b"<!DOCTYPE html>", b"PK\x03\x04", whole[:-3], bytes(100)):
        assert refused(content) == "not an ONNX network, or it is damaged."


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_onnx(tmp_path / "none.onnx")


def network(*inputs: list[int | str | None], outputs: int = 1) -> Any:
    """A graph that takes inputs of these shapes and, as older ones do, lists a constant among them."""
    from onnx import TensorProto, helper

    def value(name: str, shape: list[int | str | None]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    names = [f"y{number}" for number in range(outputs)]
    body = helper.make_graph(
        [helper.make_node("Relu", ["x0"], [name]) for name in names],
        "network",
        [*(value(f"x{number}", shape) for number, shape in enumerate(inputs)), value("c", [2])],
        [value(name, []) for name in names],
        [tensor()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


SWAPPER = ((1, 3, 128, 128), (1, 512))
DETECTOR = ((1, 3, 0, 0),)


@pytest.mark.parametrize(
    ("made", "inputs", "outputs"),
    [
        (network([1, 3, 128, 128], [1, 512]), SWAPPER, 1),
        (network(["batch", 3, 128, 128], [None, 512]), SWAPPER, 1),
        (network([-1, 3, 640, 640], outputs=9), DETECTOR, 9),
        (network([1, 3, "h", None], outputs=9), DETECTOR, 9),
        (network([4]), (), 0),
    ],
)
def test_form_that_fits(tmp_path: Path, made: Any, inputs: tuple[tuple[int, ...], ...], outputs: int) -> None:
    path = tmp_path / "given.onnx"
    path.write_bytes(made.SerializeToString())
    check_onnx(path, None, inputs, outputs)


@pytest.mark.parametrize(
    ("made", "inputs", "outputs", "found", "needed"),
    [
        (network([1, 3, 128, 128], outputs=2), DETECTOR, 9, "1 input (1x3x128x128) and 2 outputs", "1x3x?x?) and 9"),
        (network([1, 128, 128, 3], outputs=9), DETECTOR, 9, "1 input (1x128x128x3) and 9", "1 input (1x3x?x?) and 9"),
        (network([3, 8, 8], outputs=9), DETECTOR, 9, "1 input (3x8x8) and 9", "1 input (1x3x?x?) and 9"),
        (network(["n", 3, 128, 128]), SWAPPER, 1, "1 input (?x3x128x128)", "2 inputs (1x3x128x128 and 1x512)"),
        (network([1, 3, 128, 128], [1, 256]), SWAPPER, 1, "(1x3x128x128 and 1x256)", "(1x3x128x128 and 1x512)"),
        (network([1, 3, 128, 128], [1, 512], [1]), SWAPPER, 1, "3 inputs", "2 inputs"),
        (network([4, 3, 9, 9], outputs=9), DETECTOR, 9, "4x3x9x9", "1x3x?x?"),
    ],
)
def test_b74_form_that_does_not_fit(
    tmp_path: Path, made: Any, inputs: tuple[tuple[int, ...], ...], outputs: int, found: str, needed: str
) -> None:
    path = tmp_path / "given.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(WeightsDamagedError) as raised:
        check_onnx(path, "that.onnx", inputs, outputs)
    assert raised.value.message.startswith('"that.onnx" is not used: it has ')
    has, _, wants = raised.value.message.partition(", where ")
    assert found in has
    assert needed in wants
