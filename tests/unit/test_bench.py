"""The frame of ``scripts/bench.py`` and how it counts arithmetic."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_cases_take_turns_after_a_warm_up() -> None:
    from _bench_frame import Case, measure

    log: list[str] = []
    cases = [Case(name, lambda name=name: log.append(name)) for name in ("a", "b")]  # type: ignore[misc]
    first, second = measure(cases, repeats=2)
    assert log == ["a", "b"] * 3
    assert first.ratio == 1
    assert second.ratio == second.median_ms / first.median_ms
    assert first.tflops is None


def test_work_is_compared_with_its_yardstick() -> None:
    from _bench_frame import Case, measure

    cases = [
        Case("net", lambda: None, items=4, work=8e9, yardstick="product", facts={"load_s": 1.5}),
        Case("product", lambda: None, work=5e9),
    ]
    net, product = measure(cases, repeats=3)
    assert net.tflops is not None
    assert product.tflops is not None
    assert net.tflops == pytest.approx(8e9 / 4 / (net.median_ms / 1e3) / 1e12)
    assert net.of_yardstick == pytest.approx(net.tflops / product.tflops)
    assert product.of_yardstick is None
    assert net.facts == {"load_s": 1.5}


def test_a_graph_s_arithmetic_is_counted_for_the_shapes_given() -> None:
    from _bench_work import floating_point_operations

    def tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        size = 1
        for length in shape:
            size *= length
        return helper.make_tensor(name, TensorProto.FLOAT, shape, bytes(4 * size), raw=True)

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "c"], ["conv"], strides=[2, 2], pads=[1, 1, 1, 1], group=2),
            helper.make_node("ConvTranspose", ["conv", "t"], ["wide"], strides=[2, 2]),
            helper.make_node("Flatten", ["wide"], ["flat"]),
            helper.make_node("Gemm", ["flat", "g"], ["y"], transB=1),
        ],
        "graph",
        [tensor("x", "batch", 4, 8, 8)],
        [tensor("y", "batch", 10)],
        [weight("c", 64, 2, 3, 3), weight("t", 64, 5, 2, 2), weight("g", 10, 5 * 8 * 8)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    conv = 64 * 4 * 4 * (2 * 3 * 3)
    transposed = 64 * 4 * 4 * (5 * 2 * 2)
    gemm = 10 * (5 * 8 * 8)
    assert floating_point_operations(model, {"x": (3, 4, 8, 8)}) == 3 * 2 * (conv + transposed + gemm)


def test_a_folder_without_networks_gets_a_sentence(tmp_path: Path) -> None:
    from _bench_inference import INFERENCE

    with pytest.raises(SystemExit, match=r"there is no network .*make_replica_weights\.py"):
        list(INFERENCE.groups(tmp_path))
