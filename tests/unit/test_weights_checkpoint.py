"""Wav2Lip checkpoints: the real layout, and everything that is to be refused."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.core.weights import checkpoint, wav2lip_layout
from facefusion_cli.core.weights.checkpoint import load_checkpoint, save_checkpoint
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from facefusion_cli.core.weights.catalog import Catalog

DATA = Path(__file__).parents[1] / "data"


def test_layout_is_wav2lips() -> None:
    expected = {
        name: tuple(shape) for name, shape in json.loads((DATA / "wav2lip_state_dict.json").read_text()).items()
    }
    assert wav2lip_layout.layout() == expected
    assert len(expected) == 352
    learnt = {name: shape for name, shape in expected.items() if "running" not in name and "tracked" not in name}
    assert sum(math.prod(shape) for shape in learnt.values()) == 36_298_035
    assert checkpoint.saved_bytes() == pytest.approx(145.3e6, rel=1e-3)


@pytest.fixture
def tensors(toy_catalog: Catalog) -> dict[str, Tensor]:
    """A right state dict for the toy layout."""
    import torch

    return {name: torch.rand(shape) if shape else torch.tensor(3) for name, shape in wav2lip_layout.layout().items()}


@pytest.fixture(params=["legacy", "zip"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[object], Path]:
    """Writes a file as torch does, in its old form and in its new one."""
    import torch

    def write(content: object) -> Path:
        path = tmp_path / "given.pth"
        torch.save(content, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(WeightsDamagedError) as raised:
        load_checkpoint(path)
    start = f'"{path}" is '
    assert raised.value.message.startswith(start)
    assert raised.value.message.endswith(".")
    assert raised.value.hint
    return raised.value.message.removeprefix(start)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("bare", [True, False])
def test_right_ones_are_read(
    save: Callable[[object], Path], tensors: dict[str, Tensor], prefix: str, bare: bool, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    state = {prefix + name: tensor for name, tensor in tensors.items()}
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.zeros(1000)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    path = save(state if bare else {"state_dict": state, "optimizer": optimizer, "global_step": 5, "global_epoch": 1})
    loaded = load_checkpoint(path)
    assert list(loaded) == list(tensors)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    saved = tmp_path / "saved.safetensors"
    save_checkpoint(loaded, saved)
    assert saved.stat().st_size < 1000
    again = load_file(saved)
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)
    assert {name: tensor.dtype for name, tensor in load_checkpoint(saved).items()} == {
        name: tensor.dtype for name, tensor in tensors.items()
    }


def test_tensors_that_share_memory_come_apart(
    save: Callable[[object], Path], tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    import torch

    memory = torch.rand(1000)
    tensors |= {"encoder.weight": memory[:12].reshape(3, 4).t(), "encoder.bias": memory[:4]}
    loaded = load_checkpoint(save(tensors))
    assert loaded["encoder.weight"].is_contiguous()
    assert loaded["encoder.weight"].untyped_storage().nbytes() == 48
    save_checkpoint(loaded, tmp_path / "saved.safetensors")
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_parameters_are_tensors(save: Callable[[object], Path], tensors: dict[str, Tensor]) -> None:
    import torch

    tensors["encoder.bias"] = torch.nn.Parameter(tensors["encoder.bias"])
    assert not load_checkpoint(save(tensors))["encoder.bias"].requires_grad


def _changes() -> dict[str, tuple[Callable[[dict[str, Any]], object], str]]:
    def put(name: str, make: Callable[[Any], object]) -> Callable[[dict[str, Any]], object]:
        return lambda state: {**state, name: make(state.get(name))}

    def without(*names: str) -> Callable[[dict[str, Any]], object]:
        return lambda state: {name: state[name] for name in state if name not in names}

    weight, bias, counter = "encoder.weight", "encoder.bias", "norm.num_batches_tracked"
    return {
        "a key is missing": (without(bias), f'it lacks "{bias}".'),
        "two are missing": (without(weight, bias), f'it lacks "{weight}" and 1 more.'),
        "a key too many": (put("more", lambda _: 1), 'it has an unknown "more".'),
        "shape": (put(weight, lambda tensor: tensor.t()), f'"{weight}" has the shape (3, 4) instead of (4, 3).'),
        "half precision": (put(weight, lambda tensor: tensor.half()), f'"{weight}" is float16 instead of float32.'),
        "float counter": (put(counter, lambda tensor: tensor.float()), f'"{counter}" is float32 instead of int64.'),
        "NaN": (put(bias, lambda tensor: tensor * float("nan")), f'"{bias}" has values that are not finite.'),
        "infinity": (put(bias, lambda tensor: tensor / 0), f'"{bias}" has values that are not finite.'),
        "number": (put(bias, lambda _: 3), f'"{bias}" is not a plain tensor.'),
        "sparse": (put(weight, lambda tensor: tensor.to_sparse()), f'"{weight}" is not a plain tensor.'),
        "without data": (put(weight, lambda tensor: tensor.to("meta")), f'"{weight}" is not a plain tensor.'),
        "twice": (lambda s: {**s, **{f"module.{n}": s[n] for n in s}}, 'it has names with and without "module.".'),
        "list": (lambda state: list(state.values()), "it holds no state dict."),
        "number at the top": (lambda state: 3, "it holds no state dict."),
        "list within": (lambda state: {"state_dict": [1]}, "it holds no state dict."),
        "numbered": (lambda state: dict(enumerate(state.values())), "it holds no state dict."),
    }


CHANGES = _changes()


@pytest.mark.parametrize("change", CHANGES)
def test_b75_other_contents_are_refused(
    save: Callable[[object], Path], tensors: dict[str, Tensor], change: str
) -> None:
    apply, why = CHANGES[change]
    assert refusal(save(apply(tensors))) == f"not a Wav2Lip checkpoint: {why}"


class Malicious:
    """Runs a command when it is unpickled by a reader that trusts it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A folder that is made if a payload runs."""
    path = tmp_path / "payload ran"
    pickle.loads(pickle.dumps(Malicious(path)))  # it would, elsewhere
    path.rmdir()
    return path


def test_b75_payloads_never_run(save: Callable[[object], Path], tensors: dict[str, Tensor], trace: Path) -> None:
    for content in (
        Malicious(trace),
        {"state_dict": tensors, "optimizer": Malicious(trace)},
        [{"a": Malicious(trace)}],
    ):
        assert refusal(save(content)) == "damaged, or asks for more than plain tensors; it was not loaded."
    assert not trace.exists()


def test_b75_payloads_in_other_places_never_run(tensors: dict[str, Tensor], trace: Path, tmp_path: Path) -> None:
    legacy = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    payload = pickle.dumps(Malicious(trace), 2)
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("pickle")
            member.size = len(payload)
            archive.addfile(member, io.BytesIO(payload))
        tar = buffer.getvalue()
    for content in (
        payload,
        legacy + payload,
        legacy + pickle.dumps(1001, 2) + payload,
        legacy + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + payload,
        tar,
    ):
        path = tmp_path / "given.pth"
        path.write_bytes(content)
        refusal(path)
    assert not trace.exists()


def test_whole_modules_are_refused(save: Callable[[object], Path], toy_catalog: Catalog) -> None:
    import torch

    assert "asks for more than plain tensors" in refusal(save(torch.nn.Linear(3, 4)))


def test_b75_cut_files_are_refused(save: Callable[[object], Path], tensors: dict[str, Tensor]) -> None:
    path = save({"state_dict": tensors})
    content = path.read_bytes()
    for length in (*range(0, len(content), len(content) // 40), len(content) - 1):
        path.write_bytes(content[:length])
        refusal(path)


def test_flipped_bytes_are_refused_or_harmless(save: Callable[[object], Path], tensors: dict[str, Tensor]) -> None:
    """Nothing but the one error leaves the reader; what changes a number only is the hash's business."""
    path = save({"state_dict": tensors})
    content = path.read_bytes()
    for place in range(0, len(content), 13):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with suppress(WeightsDamagedError):
            load_checkpoint(path)


def test_b75_wrong_storages_are_refused(toy_files: Any, toy_catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "given.pth"
    lips = toy_files["lips"]
    for real, false in ((b"FloatStorage", b"ColorStorage"), (b"_rebuild_tensor_v2", b"_rebuild_tensor_v9")):
        assert real in lips
        path.write_bytes(lips.replace(real, false))
        refusal(path)
    for count in (2**33, 2**50):
        # The storage of 12 numbers says that it has this many.
        start = lips.index(b"X\x03\x00\x00\x00cpu")
        number = lips.index(b"K\x0c", start)
        path.write_bytes(lips[:number] + b"\x8a\x08" + struct.pack("<q", count) + lips[number + 2 :])
        assert refusal(path) == "damaged: it cannot be read as a checkpoint."


def test_lack_of_memory_is_not_damage(toy_files: Any, toy_catalog: Catalog, tmp_path: Path, monkeypatch: Any) -> None:
    import torch

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 48 bytes. Error code 12")

    path = tmp_path / "given.pth"
    path.write_bytes(toy_files["lips"])
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(MemoryError):
        load_checkpoint(path)


def test_compressed_members_are_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    import torch

    path = tmp_path / "given.pth"
    torch.save(tensors, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert refusal(path) == "not a Wav2Lip checkpoint: its members are compressed."


def test_b75_torchscript_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "Wav2Lip-SD-GAN.pt"
    with zipfile.ZipFile(path, "w") as archive:  # as torch.jit.save names them
        for name in ("data.pkl", "byteorder", "code/__torch__/torch/nn/modules/linear.py", "data/0", "constants.pkl"):
            archive.writestr(f"Wav2Lip-SD-GAN/{name}", b"")
    assert refusal(path) == "a TorchScript archive, a program with its weights, which is not loaded here."


def test_safetensors_are_read_with_the_same_care(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "given.safetensors"
    save_file({f"module.{name}": tensor for name, tensor in tensors.items()}, path)
    assert load_checkpoint(path).keys() == tensors.keys()
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert refusal(path) == "damaged: it cannot be read as a checkpoint."
    path.write_bytes(struct.pack("<Q", 9) + b'{"a": no}' + content)
    assert refusal(path) == "damaged: it cannot be read as a checkpoint."
    save_file({"more": tensors["encoder.bias"]}, path)
    assert refusal(path).startswith("not a Wav2Lip checkpoint: it lacks ")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty."),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "a web page, not weights."),
        (b"PK\x03\x04 and no more", "not a Wav2Lip checkpoint: it is a zip file cut short or of other things."),
        (bytes(1000), "not a Wav2Lip checkpoint: it does not begin like one."),
    ],
)
def test_b75_other_files_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "wav2lip.pth"
    path.write_bytes(content)
    assert refusal(path) == why


def test_messages_name_the_file_as_the_user_does(tmp_path: Path) -> None:
    path = tmp_path / "staging"
    path.write_bytes(b"")
    with pytest.raises(WeightsDamagedError, match=r'^"brought\.pth" is empty\.$'):
        load_checkpoint(path, "brought.pth")


def test_lengths_in_a_pickle_are_not_believed(save: Callable[[object], Path], tensors: dict[str, Tensor]) -> None:
    path = save({"state_dict": tensors})
    content = path.read_bytes()
    at = content.index(b"X", content.index(b"state_dict") - 5)
    path.write_bytes(content[: at + 1] + b"\xff\xff\xff\x7f" + content[at + 5 :])
    tracemalloc.start()
    try:
        assert refusal(path) == "damaged: it cannot be read as a checkpoint."
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
