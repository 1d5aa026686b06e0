"""The frame of ``scripts/bench.py`` and how it counts arithmetic."""

from __future__ import annotations

import json
import subprocess
import sys
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
    assert net.gbytes_s is None
    assert net.facts == {"load_s": 1.5}


def test_bytes_are_compared_with_a_copy() -> None:
    from _bench_frame import Case, measure

    cases = [
        Case("hash", lambda: None, traffic=3e6, yardstick="copy"),
        Case("copy", lambda: None, traffic=1e6),
    ]
    hashed, copied = measure(cases, repeats=3)
    assert hashed.gbytes_s is not None
    assert copied.gbytes_s is not None
    assert hashed.gbytes_s == pytest.approx(3e6 / (hashed.median_ms / 1e3) / 1e9)
    assert hashed.of_yardstick == pytest.approx(hashed.gbytes_s / copied.gbytes_s)
    assert hashed.tflops is None


def test_a_table_has_the_columns_that_hold_something(capsys: pytest.CaptureFixture[str]) -> None:
    from _bench_frame import Group, Row
    from _bench_print import print_table

    plain = Row("a", 1.0, 0.5, 2.0, 1.0, 1.0, None, None, None, {})
    told: set[str] = set()
    print_table(Group("first", []), [plain], told)
    bare = capsys.readouterr().out.splitlines()[3]
    assert bare.split() == ["milliseconds", "median", "lowest", "highest", "cpu", "ratio"]
    copied = Row("b", 2.0, 2.0, 2.0, 2.0, 2.0, None, 7.25, 0.5, {"faults": "none"})
    print_table(Group("second", [], "what it means"), [plain, copied], told)
    out = capsys.readouterr().out
    _, _, _, head, first, second, *rest = out.splitlines()
    assert head.split() == [*bare.split(), "GB/s", "yardstick", "faults"]
    assert first.split() == ["a", "1.0", "0.5", "2.0", "1.0", "1.00"]
    assert second.split() == ["b", "2.0", "2.0", "2.0", "2.0", "2.00", "7.25", "50%", "none"]
    assert rest[1].startswith("yardstick: ")  # what the ratio is, was told
    assert rest[2:] == ["what it means"]


def test_what_embedded_networks_compute_is_counted() -> None:
    import numpy as np
    from _bench_work import Counted, floating_point_operations

    from facefusion_cli.core.inference.onnx_runtime import open_session

    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [info("x", TensorProto.FLOAT, (2, 3))],
        [info("y", TensorProto.FLOAT, (2, 5))],
        [helper.make_tensor("w", TensorProto.FLOAT, (3, 5), bytes(4 * 15), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    content = model.SerializeToString()
    counted = Counted()
    session = counted.session(open_session(content), content)
    for _ in range(3):
        session.run(None, {"x": np.ones((2, 3), np.float32)})
    assert counted.work == 3 * floating_point_operations(model, {}) == 3 * 2 * 2 * 3 * 5
    assert session.get_inputs()[0].name == "x"


def test_all_benchmarks_run_but_the_longest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bench

    commands: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        assert not check
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, 3 if command[2] == "swap" else 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--json"])
    assert bench.main() == 3
    named = [command[0] for command in commands]
    assert named == [name for name in bench.BENCHMARKS if name != "lipsync-memory"]
    assert all(command[1] == "--json" for command in commands)
    assert commands[named.index("api")][2:] == ["--seconds", "30"]
    assert json.loads(capsys.readouterr().out) == {"run by themselves": ["lipsync-memory", "api"]}


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
