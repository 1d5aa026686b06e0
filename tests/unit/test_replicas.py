"""Narrow networks of the same making as those that ``scripts/make_replica_weights.py`` writes in true size."""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefusion_cli.core.inference.onnx_runtime import open_session

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def _run(model: onnx.ModelProto, **feeds: NDArray[Any]) -> NDArray[np.float32]:
    (output,) = open_session(model.SerializeToString()).run(None, {k.replace("_1", ".1"): v for k, v in feeds.items()})
    return output


def _parameters(model: onnx.ModelProto) -> int:
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)


def _shapes(infos: Any) -> dict[str, list[int | str]]:
    return {info.name: [axis.dim_param or axis.dim_value for axis in info.type.tensor_type.shape.dim] for info in infos}


@pytest.fixture
def swapper() -> onnx.ModelProto:
    import _replica_faces

    return _replica_faces.swapper(width=4, blocks=1)


def test_the_swapper_has_the_contract_of_the_real_one(swapper: onnx.ModelProto) -> None:
    assert _shapes(swapper.graph.input) == {"target": [1, 3, 128, 128], "source": [1, 512]}
    assert _shapes(swapper.graph.output) == {"output": [1, 3, 128, 128]}
    last = swapper.graph.initializer[-1]
    assert list(last.dims) == [512, 512]
    assert all(last.name not in node.input for node in swapper.graph.node)
    assert swapper.opset_import[0].version == 11


def test_the_swapper_has_the_weights_of_the_real_one(swapper: onnx.ModelProto) -> None:
    def conv(inward: int, outward: int, side: int) -> int:
        return inward * outward * side * side + outward

    w = 4
    inward = conv(3, w, 7) + conv(w, 2 * w, 3) + conv(2 * w, 4 * w, 3) + conv(4 * w, 8 * w, 3)
    block = 2 * (conv(8 * w, 8 * w, 3) + conv(512, 16 * w, 1))
    outward = conv(8 * w, 4 * w, 3) + conv(4 * w, 2 * w, 3) + conv(2 * w, w, 3) + conv(w, 3, 7)
    assert _parameters(swapper) == inward + block + outward + 512 * 512


def test_the_swapper_looks_at_both_inputs_and_does_not_saturate(swapper: onnx.ModelProto) -> None:
    rng = np.random.default_rng(0)
    target = rng.random((1, 3, 128, 128), np.float32)
    source = rng.standard_normal((1, 512)).astype(np.float32)
    source /= np.linalg.norm(source)
    output = _run(swapper, target=target, source=source)
    assert output.shape == (1, 3, 128, 128)
    assert output.min() > 0
    assert output.max() < 1
    assert output.std() > 0.05
    assert np.abs(output - _run(swapper, target=target[..., ::-1].copy(), source=source)).max() > 0.05
    assert np.abs(output - _run(swapper, target=target, source=-source)).max() > 0.05


def test_the_recogniser_is_an_iresnet_50_with_a_free_batch() -> None:
    import _replica_faces

    model = _replica_faces.recogniser(width=1)
    kinds = [node.op_type for node in model.graph.node]
    blocks, stages = 3 + 4 + 14 + 3, 4
    assert kinds.count("Conv") == 1 + 2 * blocks + stages
    assert kinds.count("PRelu") == 1 + blocks
    assert kinds.count("Add") == blocks
    assert kinds.count("BatchNormalization") == blocks + 2
    assert _shapes(model.graph.input) == {"input.1": ["None", 3, 112, 112]}
    faces = np.random.default_rng(0).uniform(-1, 1, (2, 3, 112, 112)).astype(np.float32)
    both = _run(model, input_1=faces)
    assert both.shape == (2, 512)
    assert np.allclose(both[1:], _run(model, input_1=faces[1:]), atol=1e-4)
    assert np.abs(both[0] - both[1]).max() > 0.01


def test_the_lip_network_takes_batches() -> None:
    import _replica_wav2lip

    model = _replica_wav2lip.export(_replica_wav2lip.random_state(width=1))
    rng = np.random.default_rng(0)
    mel, faces = (rng.random(shape, np.float32) for shape in ((2, 1, 80, 16), (2, 6, 96, 96)))
    both = _run(model, mel_spectrogram=mel, video_frames=faces)
    assert both.shape == (2, 3, 96, 96)
    assert np.allclose(both[1:], _run(model, mel_spectrogram=mel[1:], video_frames=faces[1:]), atol=1e-5)


def test_a_narrow_lip_network_has_the_inputs_and_keys_of_the_real_one() -> None:
    import _replica_wav2lip

    true, narrow = _replica_wav2lip.shapes(), _replica_wav2lip.shapes(width=1)
    assert list(narrow) == list(true)
    assert narrow["face_encoder_blocks.0.0.conv_block.0.weight"] == (1, 6, 7, 7)
    assert narrow["face_decoder_blocks.6.0.conv_block.0.weight"] == (10, 4, 3, 3)
    trained = [shape for key, shape in true.items() if not key.endswith(("mean", "var", "tracked"))]
    assert sum(int(np.prod(shape)) for shape in trained) == 36_298_035


def test_the_checkpoint_is_what_a_training_run_of_old_left(tmp_path: Path) -> None:
    import _replica_wav2lip
    import make_replica_weights
    import torch

    path, again = tmp_path / "wav2lip.pth", tmp_path / "again.pth"
    make_replica_weights.write_wav2lip(path, width=1)
    make_replica_weights.write_wav2lip(again, width=1)
    assert path.read_bytes() == again.read_bytes()
    assert path.read_bytes().startswith(bytes.fromhex("80028a0a6cfc9c46f9206aa850192e"))

    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    assert list(checkpoint) == ["state_dict", "optimizer", "global_step", "global_epoch"]
    state = _replica_wav2lip.random_state(width=1)
    assert list(checkpoint["state_dict"]) == [f"module.{key}" for key in state]
    for key, values in state.items():
        read = checkpoint["state_dict"][f"module.{key}"].numpy()
        assert read.dtype == values.dtype
        assert np.array_equal(read, values), key
    trained = [values for key, values in state.items() if not key.endswith(("mean", "var", "tracked"))]
    moments = checkpoint["optimizer"]["state"].values()
    for name in ("exp_avg", "exp_avg_sq"):
        assert [tuple(moment[name].shape) for moment in moments] == [values.shape for values in trained]


def test_the_checkpoint_names_the_gpu_and_nothing_but_tensors(tmp_path: Path) -> None:
    import make_replica_weights

    path = tmp_path / "wav2lip.pth"
    make_replica_weights.write_wav2lip(path, width=1)
    with path.open("rb") as file:
        operations = [list(pickletools.genops(file)) for _ in range(4)][-1]
    assert {argument for operation, argument, _ in operations if operation.name == "GLOBAL"} == {
        "collections OrderedDict",
        "torch FloatStorage",
        "torch LongStorage",
        "torch._utils _rebuild_tensor_v2",
    }
    assert "cuda:0" in {argument for _, argument, _ in operations}


def test_an_unknown_replica_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import make_replica_weights

    monkeypatch.setattr("sys.argv", ["make_replica_weights.py", str(tmp_path / "new"), "wav2lip.txt"])
    with pytest.raises(SystemExit):
        make_replica_weights.main()
    assert "there is no replica of wav2lip.txt; there are inswapper_128.onnx" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
