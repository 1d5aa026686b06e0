"""Wav2Lip's generator from the store to its answer: beside the reference, beside an export, in company."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from facefusion_cli.core.device import Device
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.inference import network as networks
from facefusion_cli.core.inference.network import Network
from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.torch_graph import open_torch_graph
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.core.lipsync.wav2lip.graph import graph_sha256, to_graph
from facefusion_cli.core.lipsync.wav2lip.network import BATCH, Generator, known_generator_verdict
from facefusion_cli.core.weights import wav2lip_layout
from facefusion_cli.core.weights.catalog import catalog
from facefusion_cli.core.weights.importing import import_file
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.core.weights.store import Store
from facefusion_cli.errors import DeviceError, WeightsDamagedError, WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision
    from facefusion_cli.core.inference.session import Session

    Inputs = tuple[NDArray[np.float32], NDArray[np.float32]]

DATA = Path(__file__).parents[1] / "data" / "wav2lip_forward.npz"
SCRIPTS = Path(__file__).parents[2] / "scripts"
EXACT = Device("cpu", 0, "A processor", ("fp32",), asked=False, precision_asked=False, threads=2)
ON_PROCESSOR = Verdict("onnxruntime", "cpu", "fp32", batched=True, reason="the fastest")


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def made_up(count: int, seed: int) -> Inputs:
    rng = np.random.default_rng(seed)
    mel = rng.uniform(-4, 4, (count, 1, 80, 16)).astype(np.float32)
    return mel, rng.uniform(0, 1, (count, 6, 96, 96)).astype(np.float32)


def answer(session: Session, inputs: Inputs) -> NDArray[np.float32]:
    (spoken,) = session.run(None, {"mel": inputs[0], "faces": inputs[1]})
    return spoken


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The graph of a checkpoint of true size, with the weights that the reference answered with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import _replica_wav2lip

        path = tmp_path_factory.mktemp("full") / "wav2lip.safetensors"
        save_file(dict(_replica_wav2lip.random_state()), path)
    graph = to_graph(path)
    path.unlink()
    return graph


@pytest.mark.parametrize("maker", ["onnxruntime", "torch"])
def test_it_computes_what_the_reference_does(full: bytes, maker: str) -> None:
    session = open_session(full, 2) if maker == "onnxruntime" else open_torch_graph(full, threads=2)
    spoken = answer(session, made_up(3, seed=7))
    with np.load(DATA) as reference:
        assert np.abs(spoken[:, :, ::4, ::4] - reference["output"]).max() < 1e-4  # every fourth row and column is kept


def test_an_answer_depends_on_nothing_else_at_true_size(full: bytes) -> None:
    """In bf16, where rounding shows most."""
    assert_alone(open_torch_graph(full, precision="bf16", threads=2))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("precision", ["fp32", "bf16", None])
def test_an_answer_depends_on_nothing_else(small_wav2lip: Path, precision: Precision | None, threads: int) -> None:
    graph = to_graph(small_wav2lip / "wav2lip.safetensors")
    if precision is None:
        assert_alone(OneByOne(open_session(graph, threads)))
    else:
        assert_alone(open_torch_graph(graph, precision=precision, threads=threads))


def assert_alone(session: Session) -> None:
    """Whatever else is in the batch, wherever an item stands and whatever ran before: the same numbers."""
    generator = Generator(Path("wav2lip.safetensors"), Network(session, ON_PROCESSOR))
    mel, faces = made_up(BATCH, seed=3)
    first = generator.run(mel, faces)
    assert all(np.abs(first[0] - other).max() > 1e-4 for other in first[1:])
    order = np.random.default_rng(1).permutation(BATCH)
    assert np.array_equal(generator.run(mel[order], faces[order]), first[order])
    few = np.zeros_like(mel), np.zeros_like(faces)
    for place, item in ((0, 5), (7, 0), (15, 9)):
        few[0][place], few[1][place] = mel[item], faces[item]
    answers = generator.run(*few)
    assert all(np.array_equal(answers[place], first[item]) for place, item in ((0, 5), (7, 0), (15, 9)))


@pytest.mark.parametrize("weight", ["wav2lip", "wav2lip_gan"])
def test_what_is_stored_is_what_runs(small_wav2lip: Path, weight: str) -> None:
    import _replica_wav2lip

    tools = Tools(Provision(), "cpu", "fp32")
    generator = Generator.open(weight, tools)
    assert tools.verdicts.keys() == {weight}
    verdict = tools.verdicts[weight]
    assert (verdict.backend, verdict.precision, verdict.batched) == ("onnxruntime", "fp32", True)
    mel, faces = made_up(BATCH, seed=4)
    before = mel.copy(), faces.copy()
    spoken = generator.run(mel, faces)
    assert np.array_equal(mel, before[0])
    assert np.array_equal(faces, before[1])
    assert spoken.shape == (BATCH, 3, 96, 96)
    assert spoken.dtype == np.float32
    assert 0 <= spoken.min() < spoken.max() <= 1
    exported = _replica_wav2lip.export(load_file(small_wav2lip / f"{weight}.safetensors"))
    feeds = {"mel_spectrogram": mel, "video_frames": faces}
    (expected,) = open_session(exported.SerializeToString()).run(None, feeds)
    assert np.abs(spoken - expected).max() < 1e-5


def test_bf16_is_close(small_wav2lip: Path) -> None:
    tools = Tools(Provision(), "cpu", "bf16")
    reduced, exact = (
        Generator.open("wav2lip", one).run(*made_up(BATCH, seed=5))
        for one in (tools, Tools(Provision(), "cpu", "fp32"))
    )
    assert tools.verdicts["wav2lip"].backend == "torch"
    assert 0 < np.abs(reduced - exact).max() < 0.02


def test_what_was_found_out_is_remembered(small_wav2lip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, sha256 = Provision().stored("wav2lip")
    tools = Tools(Provision(), "cpu", "fp32")
    assert known_generator_verdict(checkpoint, tools.device, sha256=sha256) is None
    opened = Generator.open("wav2lip", tools)
    assert known_generator_verdict(checkpoint, tools.device, sha256=sha256) == tools.verdicts["wav2lip"]
    monkeypatch.setattr(networks, "examine", None)
    again = Generator.open("wav2lip", tools)
    inputs = made_up(BATCH, seed=6)
    assert np.array_equal(opened.run(*inputs), again.run(*inputs))


def test_other_layers_are_another_network(monkeypatch: pytest.MonkeyPatch) -> None:
    known = graph_sha256("0" * 64)
    assert graph_sha256("1" + "0" * 63) != known == graph_sha256("0" * 64)
    monkeypatch.setattr("facefusion_cli.core.lipsync.wav2lip.layers._UNPADDED", set())
    assert graph_sha256("0" * 64) != known


def test_a_checkpoint_goes_through_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_wav2lip: Path
) -> None:
    """As published: a pickle with an optimizer."""
    import _replica_wav2lip
    import make_replica_weights

    narrow = _replica_wav2lip.shapes(width=1)
    file = tmp_path / "wav2lip.pth"
    make_replica_weights.write_wav2lip(file, width=1)
    monkeypatch.setattr(wav2lip_layout, "layout", lambda: narrow)
    store = Store(tmp_path / "models", catalog())
    import_file(store, file, catalog().weight("wav2lip"))
    inputs = made_up(BATCH, seed=8)
    imported, stored = (
        Generator.open("wav2lip", Tools(provision, "cpu", "fp32")).run(*inputs)
        for provision in (Provision(store), Provision())
    )
    assert np.array_equal(imported, stored)


def altered(path: Path, **tensors: NDArray[np.float32] | None) -> Path:
    """The checkpoint with other tensors, named with ``__`` for a dot; None: without it."""
    content = dict(load_file(path))
    for name, values in tensors.items():
        del content[name.replace("__", ".")]
        if values is not None:
            content[name.replace("__", ".")] = values
    save_file(content, path)
    return path


def test_what_is_no_checkpoint_is_named(small_wav2lip: Path) -> None:
    path = small_wav2lip / "wav2lip.safetensors"
    whole = path.read_bytes()
    for content in (b"", b"<!DOCTYPE html>", whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(WeightsDamagedError, match=r'wav2lip\.safetensors" is not a Wav2Lip checkpoint, or damaged'):
            to_graph(path)
    path.write_bytes(whole)
    with pytest.raises(WeightsDamagedError, match="or damaged"):
        to_graph(altered(path, output_block__1__bias=None))
    path.write_bytes(whole)
    with pytest.raises(WeightsDamagedError, match=r'checkpoint: "audio_encoder\.0" has another shape'):
        to_graph(altered(path, audio_encoder__0__conv_block__1__bias=np.zeros(1, np.float32)))
    path.unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        to_graph(path)


def test_f28_weights_that_are_missing_or_damaged_are_told(small_wav2lip: Path) -> None:
    tools = Tools(Provision(), "cpu", "fp32")
    with (small_wav2lip / "wav2lip.safetensors").open("ab") as file:
        file.write(b"more")
    (small_wav2lip / "wav2lip_gan.safetensors").unlink()
    with pytest.raises(WeightsDamagedError, match=r"wav2lip\.safetensors.* is damaged"):
        Generator.open("wav2lip", tools)
    with pytest.raises(WeightsMissingError, match="wav2lip_gan"):
        Generator.open("wav2lip_gan", tools)
    assert tools.verdicts == {}


class Pretended:
    """A network that answers as told, and says how many items it was given at a time."""

    def __init__(self, answer: float | Exception) -> None:
        self.answer = answer
        self.counts: list[int] = []

    def get_inputs(self) -> Sequence[Any]:
        return ()

    def get_outputs(self) -> Sequence[Any]:
        return ()

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None: ...

    def run(self, names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.counts.append(len(feed["mel"]))
        if isinstance(self.answer, Exception):
            raise self.answer
        return [np.full((len(feed["faces"]), 3, 96, 96), self.answer, np.float32)]


def pretended(answer: float | Exception, verdict: Verdict = ON_PROCESSOR) -> tuple[Generator, Pretended]:
    session = Pretended(answer)
    return Generator(Path("wav2lip.safetensors"), Network(session, verdict)), session


def test_a_network_that_minds_batches_gets_items_one_by_one() -> None:
    for batched, counts in ((True, [BATCH]), (False, [1] * BATCH)):
        generator, session = pretended(0.5, replace(ON_PROCESSOR, batched=batched))
        assert generator.run(*made_up(BATCH, seed=9)).shape == (BATCH, 3, 96, 96)
        assert session.counts == counts


def test_it_takes_whole_batches_only() -> None:
    generator, session = pretended(0.5)
    mel, faces = made_up(BATCH, seed=9)
    for few in ((mel[1:], faces), (mel, faces[1:]), (mel[:1], faces[:1])):
        with pytest.raises(ValueError, match="16 at a time"):
            generator.run(*few)
    assert session.counts == []


ON_GPU = Verdict("torch", "cuda:0", "fp16", batched=True, reason="it agrees")


@pytest.mark.parametrize(
    ("verdict", "error", "hint"),
    [
        (ON_PROCESSOR, WeightsDamagedError, "--verify"),
        (replace(ON_PROCESSOR, backend="torch", precision="bf16"), DeviceError, "--precision fp32"),
        (ON_GPU, DeviceError, "--precision fp32"),
        (replace(ON_GPU, precision="fp32"), DeviceError, "--device cpu"),
    ],
)
def test_an_answer_that_is_no_picture_is_an_error(verdict: Verdict, error: type[WeightsError], hint: str) -> None:
    generator, _ = pretended(np.nan, verdict)
    with pytest.raises(error, match="gives no picture") as caught:
        generator.run(*made_up(BATCH, seed=9))
    assert hint in caught.value.hint


def test_a_gpu_that_fails_is_told_and_a_processor_s_error_is_nobody_s() -> None:
    generator, _ = pretended(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.\nmore"), ON_GPU)
    with pytest.raises(
        DeviceError, match=r"cuda:0 failed while it made a mouth: CUDA out of memory\. Tried .* 2 GiB\."
    ):
        generator.run(*made_up(BATCH, seed=9))
    generator, _ = pretended(RuntimeError("odd"))
    with pytest.raises(RuntimeError, match="odd"):
        generator.run(*made_up(BATCH, seed=9))
