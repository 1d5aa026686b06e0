"""Which maker serves a network, and what becomes of one that none may serve."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from facefusion_cli.core.device import Device
from facefusion_cli.core.inference import examination, network, self_check
from facefusion_cli.core.inference.network import known_verdict, open_network
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.errors import DeviceError, WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.network import Network
    from facefusion_cli.core.inference.session import Session

EXACT = Device("cpu", 0, "A processor", ("fp32",), asked=False, precision_asked=False, threads=2)
BF16 = replace(EXACT, precisions=("bf16", "fp32"))
CUDA = replace(EXACT, kind="cuda", precisions=("fp16", "fp32"))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


def _network(path: Path, node: str = "Relu", flat: bool = False) -> Path:
    """A convolution and a node of one input, for a batch of 1; ``flat``: with an output that has no axis for it."""
    kernels = np.random.default_rng(3).normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "kernels"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node(node, ["features"], ["active"]),
    ]
    if flat:
        nodes.append(helper.make_node("Reshape", ["active", "rows"], ["output"]))
    else:
        nodes.append(helper.make_node("Identity", ["active"], ["output"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [256, 4] if flat else [1, 4, 16, 16])],
        [numpy_helper.from_array(kernels, "kernels"), numpy_helper.from_array(np.array([-1, 4]), "rows")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return _network(tmp_path / "small.onnx")


def _open(model: Path, device: Device) -> Network:
    return open_network(model, device, sha256=hashlib.sha256(model.read_bytes()).hexdigest())


def _known(model: Path, device: Device) -> object:
    return known_verdict(model, device, sha256=hashlib.sha256(model.read_bytes()).hexdigest())


def _torch_takes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """onnxruntime takes one second, whatever it really takes."""

    def taken(session: object, feeds: object) -> float:
        return seconds if "Torch" in type(session).__name__ else 1.0

    monkeypatch.setattr(self_check, "seconds_per_run", taken)


def _torch_is(monkeypatch: pytest.MonkeyPatch, made: Callable[..., Any]) -> None:
    monkeypatch.setattr("facefusion_cli.core.inference.torch_graph.open_torch_graph", made)


def _pictures(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).random((count, 3, 16, 16), np.float32)


def test_in_fp32_on_a_processor_onnxruntime_serves(model: Path) -> None:
    verdict = _open(model, EXACT).verdict
    assert (verdict.backend, verdict.device, verdict.precision, verdict.batched) == ("onnxruntime", "cpu", "fp32", True)


def test_torch_serves_where_it_agrees_and_is_faster(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_takes(monkeypatch, 0.2)
    opened = _open(model, BF16)
    assert (opened.verdict.backend, opened.verdict.precision, opened.verdict.batched) == ("torch", "bf16", True)
    assert "agrees with onnxruntime" in opened.verdict.reason
    assert "5.0 times as fast" in opened.verdict.reason
    exact = _open(model, EXACT).session.run(None, {"picture": _pictures(1)})[0]
    reduced = opened.session.run(None, {"picture": _pictures(1)})[0]
    assert 0 < np.abs(exact - reduced).max() < 0.02 * np.abs(exact).max()


def test_torch_does_not_serve_where_it_is_slower(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_takes(monkeypatch, 2.0)
    verdict = _open(model, BF16).verdict
    assert (verdict.backend, verdict.precision) == ("onnxruntime", "fp32")
    assert "2.0 times as slow" in verdict.reason


def test_speed_is_judged_by_the_batch_that_is_to_come(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch takes 2.5 times as long as onnxruntime does for one item, however many it is given."""

    def taken(session: object, feeds: Mapping[str, NDArray[Any]]) -> float:
        return 2.5 if "Torch" in type(session).__name__ else float(len(feeds["picture"]))

    monkeypatch.setattr(self_check, "seconds_per_run", taken)
    chosen = [open_network(model, BF16, sha256=str(batch), batch=batch).verdict for batch in (1, 2, 3, 5)]
    assert [verdict.backend for verdict in chosen] == ["onnxruntime", "onnxruntime", "torch", "torch"]
    assert "2.0 times as fast" in chosen[-1].reason


@pytest.mark.parametrize("device", [EXACT, BF16], ids=["onnxruntime", "torch"])
def test_a_file_may_have_to_be_made_a_network_first(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: Device
) -> None:
    _torch_takes(monkeypatch, 0.2)
    packed = tmp_path / "small.packed"
    packed.write_bytes(model.read_bytes()[::-1])
    for _ in range(2):  # tried, and as it is remembered
        opened = open_network(packed, device, sha256="0" * 64, to_graph=lambda path: path.read_bytes()[::-1])
        assert opened.verdict.backend == ("onnxruntime" if device is EXACT else "torch")
        (one,) = opened.session.run(None, {"picture": _pictures(1)})
        (same,) = _open(model, device).session.run(None, {"picture": _pictures(1)})
        assert np.array_equal(one, same)


def test_a_precision_that_was_asked_for_is_used_though_it_is_slower(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _torch_takes(monkeypatch, 2.0)
    verdict = _open(model, replace(BF16, precisions=("bf16",), precision_asked=True)).verdict
    assert (verdict.backend, verdict.precision) == ("torch", "bf16")


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("device", [EXACT, BF16], ids=["onnxruntime", "torch"])
def test_a_batch_gives_what_its_items_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: Device, flat: bool
) -> None:
    _torch_takes(monkeypatch, 0.2)
    opened = _open(_network(tmp_path / "small.onnx", flat=flat), device)
    assert opened.verdict.batched is not flat
    if flat:
        return
    pictures = _pictures(3)
    (together,) = opened.session.run(["output"], {"picture": pictures})
    alone = [opened.session.run(None, {"picture": pictures[index : index + 1]})[0] for index in range(3)]
    assert together.shape == (3, 4, 16, 16)
    assert np.abs(together - np.concatenate(alone)).max() < 1e-2
    assert not np.array_equal(together[0], together[1])


class Wrong:
    """What torch would be if it computed wrongly."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return [np.ones((1, 4, 16, 16), np.float32)]


def _out_of_memory(*_: object, **__: object) -> None:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore about it")


def test_what_does_not_agree_is_never_trusted(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_is(monkeypatch, lambda *_, **__: Wrong())
    _torch_takes(monkeypatch, 0.1)
    verdict = _open(model, BF16).verdict
    assert verdict.backend == "onnxruntime"
    assert "torch in bf16 is off by" in verdict.reason


@pytest.mark.parametrize(
    ("device", "remedy"),
    [
        (replace(BF16, precisions=("bf16",), precision_asked=True), "Drop --precision."),
        (replace(CUDA, asked=True), "Take --device cpu."),
    ],
    ids=["precision", "device"],
)
@pytest.mark.parametrize(("made", "why"), [(lambda *_, **__: Wrong(), "is off by"), (_out_of_memory, "out of memory")])
def test_f26_what_was_asked_for_and_fails_is_an_error(
    model: Path, monkeypatch: pytest.MonkeyPatch, device: Device, remedy: str, made: Callable[..., Any], why: str
) -> None:
    _torch_is(monkeypatch, made)
    with pytest.raises(DeviceError, match=why) as failed:
        _open(model, device)
    assert failed.value.hint == remedy
    assert "small.onnx" in failed.value.message
    assert "More about it" not in failed.value.message
    assert failed.value.exit_code == 5


def test_f26_a_device_nobody_asked_for_gives_way_to_the_processor(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_is(monkeypatch, lambda *_, **__: Wrong())
    opened = _open(model, CUDA)
    assert (opened.verdict.backend, opened.verdict.device) == ("onnxruntime", "cpu")
    assert "torch in fp16 is off by" in opened.verdict.reason
    assert "torch in fp32 is off by" in opened.verdict.reason
    assert opened.session.run(None, {"picture": _pictures(1)})[0].shape == (1, 4, 16, 16)


def test_a_graph_that_torch_cannot_run_is_tried_once_and_remembered(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError

    tried: list[str] = []

    def made(*_: object, precision: str, **__: object) -> None:
        tried.append(precision)
        raise UnsupportedGraphError("Erf is not an operator that is supported.")

    _torch_is(monkeypatch, made)
    verdict = _open(model, CUDA).verdict
    assert tried == ["fp16"]
    assert verdict.reason == "torch cannot run this graph: Erf is not an operator that is supported"
    assert _known(model, CUDA) == verdict


@pytest.mark.parametrize(
    ("error", "remembered"),
    [
        (RuntimeError("The size of tensor a must match"), True),
        (IndexError("out of range"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), False),
        (OSError("[WinError 126]"), False),
    ],
)
def test_only_what_will_be_the_same_again_is_remembered(
    model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, remembered: bool
) -> None:
    def made(*_: object, **__: object) -> None:
        raise error

    _torch_is(monkeypatch, made)
    assert _open(model, BF16).verdict.backend == "onnxruntime"
    assert (_known(model, BF16) is not None) is remembered


def test_an_operator_torch_does_not_know_means_onnxruntime(tmp_path: Path) -> None:
    verdict = _open(_network(tmp_path / "odd.onnx", node="Erf"), BF16).verdict
    assert verdict.backend == "onnxruntime"
    assert "Erf" in verdict.reason


def test_the_answer_is_found_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_takes(monkeypatch, 0.2)
    assert _known(model, BF16) is None
    first = _open(model, BF16).verdict
    assert _known(model, BF16) == first

    def again(*_: object) -> None:
        raise AssertionError("it was examined again")

    monkeypatch.setattr(self_check, "samples", again)
    assert _open(model, BF16).verdict == first
    with pytest.raises(AssertionError, match="examined again"):
        _open(model, replace(BF16, title="Another processor"))


def test_what_was_found_where_nothing_was_asked_for_does_not_hold_where_something_is(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _torch_is(monkeypatch, lambda *_, **__: Wrong())
    assert _open(model, CUDA).verdict.device == "cpu"
    with pytest.raises(DeviceError, match="is off by"):
        _open(model, replace(CUDA, asked=True))


def test_what_cannot_be_compared_runs_on_onnxruntime_but_not_where_something_was_asked_for(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["words"], ["output"])],
        "odd",
        [helper.make_tensor_value_info("words", TensorProto.FLOAT16, [1, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT16, [1, 3])],
    )
    model = tmp_path / "odd.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), model)
    verdict = _open(model, CUDA).verdict
    assert (verdict.backend, verdict.device, verdict.batched) == ("onnxruntime", "cpu", False)
    assert "tensor(float16)" in verdict.reason
    for device in (replace(CUDA, asked=True), replace(BF16, precisions=("bf16",), precision_asked=True)):
        with pytest.raises(DeviceError, match="could be made up"):
            _open(model, device)


def test_a_precision_that_fails_is_told_though_the_next_one_serves(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facefusion_cli.core.inference.torch_graph import open_torch_graph

    def made(path: Path, *, device: str, precision: Any, threads: int) -> Any:
        if precision == "fp16":
            raise RuntimeError("CUDA out of memory.")
        return open_torch_graph(path, device="cpu", precision=precision, threads=threads)

    _torch_is(monkeypatch, made)
    verdict = _open(model, CUDA).verdict
    assert (verdict.backend, verdict.precision) == ("torch", "fp32")
    assert "fp16 fails: CUDA out of memory" in verdict.reason
    assert _known(model, CUDA) is None


@pytest.mark.parametrize("error", [OSError("[WinError 126]"), ImportError("torch"), IndexError("out of range")])
def test_whatever_torch_ends_with_onnxruntime_serves(
    model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def made(*_: object, **__: object) -> None:
        raise error

    _torch_is(monkeypatch, made)
    verdict = _open(model, BF16).verdict
    assert verdict.backend == "onnxruntime"
    assert str(error) in verdict.reason


def test_a_verdict_that_cannot_be_followed_is_found_anew(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch_takes(monkeypatch, 0.2)
    first = _open(model, BF16).verdict
    with monkeypatch.context() as short:
        _torch_is(short, _out_of_memory)
        assert _open(model, BF16).verdict.backend == "onnxruntime"
    assert _known(model, BF16) == first


def test_a_free_height_and_width_are_tried_in_two_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as large in one size and in no other: nearest neighbours to a fixed size."""
    sizes = numpy_helper.from_array(np.array([1, 3, 160, 160], np.int64), "sizes")
    resize = helper.make_node(
        "Resize", ["picture", "", "", "sizes"], ["output"], mode="nearest", coordinate_transformation_mode="asymmetric"
    )
    graph = helper.make_graph(
        [resize],
        "free",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 160, 160])],
        [sizes],
    )
    model = tmp_path / "free.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), model)
    shapes = [sample.feeds["picture"].shape for sample in self_check.samples(open_session(model))]
    assert shapes == [(1, 3, 320, 320), (1, 3, 320, 320), (1, 3, 256, 352)]
    _torch_takes(monkeypatch, 0.2)
    opened = _open(model, BF16)
    picture = np.random.default_rng(0).random((1, 3, 256, 352), np.float32)
    assert opened.session.run(None, {"picture": picture})[0].shape == (1, 3, 160, 160)


def test_a_lack_of_memory_is_not_remembered(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as short:
        _torch_is(short, _out_of_memory)
        assert "out of memory" in _open(model, BF16).verdict.reason
    assert _known(model, BF16) is None
    _torch_takes(monkeypatch, 0.2)
    assert _open(model, BF16).verdict.backend == "torch"


@pytest.mark.parametrize(("small", "threads"), [(2**30, 1), (0, 2)])
def test_small_networks_run_on_one_thread(
    model: Path, monkeypatch: pytest.MonkeyPatch, small: int, threads: int
) -> None:
    used: list[int] = []

    def opened(path: Path, count: int) -> Session:
        used.append(count)
        return open_session(path, count)

    monkeypatch.setattr(network, "_SMALL", small)
    monkeypatch.setattr(examination, "open_session", opened)
    _open(model, EXACT)
    assert used == [threads]


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html></html>", b"\x80\x02\x8a\nl\xfc"], ids=["empty", "html", "pickle"]
)
def test_what_is_no_network_is_named(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "w600k_r50.onnx"
    model.write_bytes(content)
    with pytest.raises(WeightsDamagedError, match=r"w600k_r50\.onnx"):
        _open(model, EXACT)
    assert _known(model, EXACT) is None


def test_a_graph_that_onnxruntime_refuses_is_named(model: Path) -> None:
    model.write_bytes(model.read_bytes().replace(b"Relu", b"Rolu"))
    with pytest.raises(WeightsDamagedError, match=r'small\.onnx" is not a network that onnxruntime can open'):
        _open(model, EXACT)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsDamagedError, match=r"gone\.onnx"):
        open_network(tmp_path / "gone.onnx", EXACT, sha256="0" * 64)


def test_b74_data_outside_the_file_is_not_read(model: Path, tmp_path: Path) -> None:
    from onnx import load

    secret = tmp_path / "secret"
    secret.write_bytes(b"\x00" * 432)
    graph = load(model)
    kernels = graph.graph.initializer[0]
    kernels.ClearField("raw_data")
    kernels.data_location = TensorProto.EXTERNAL
    kernels.external_data.add(key="location", value="secret")
    (tmp_path / "evil.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(WeightsDamagedError, match=r"evil\.onnx"):
        _open(tmp_path / "evil.onnx", EXACT)
