"""Wav2Lip's generator as an ONNX graph, made of its stored checkpoint, so that whatever runs networks can run it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.lipsync.wav2lip.layers import EPSILON, LAST, Layer, blocks
from facefusion_cli.core.weights.files import not_readable
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from onnx import ModelProto

    Read = Callable[[str], NDArray[np.float32]]
    """The tensor of that name in the checkpoint."""

__all__ = ["FACES", "MEL", "SPOKEN", "graph_sha256", "to_graph"]

MEL, FACES, SPOKEN = "mel", "faces", "spoken"
"""Names of the inputs and of the output."""

_SHAPES = {MEL: (1, 80, 16), FACES: (6, 96, 96), SPOKEN: (3, 96, 96)}
_OPSET, _IR_VERSION = 13, 7
_HINT = '"facefusion download-models --verify" checks what is stored.'


def graph_sha256(sha256: str) -> str:
    """What tells the graph of a checkpoint of that SHA-256 from all others, and from what other code makes of it."""
    made_by = repr(blocks()).encode() + Path(__file__).read_bytes()
    return hashlib.sha256(sha256.encode() + made_by).hexdigest()


def to_graph(checkpoint: Path) -> bytes:
    """The ONNX network of a checkpoint in the form in which it is stored (safetensors).

    Inputs ``mel`` (batch, 1, 80, 16) and ``faces`` (batch, 6, 96, 96): BGR in 0 to 1, with the lower half blacked out
    and whole. Output ``spoken`` (batch, 3, 96, 96): BGR in 0 to 1. All float32. Weights have the names that they have
    in the checkpoint; the batch normalisations are multiplied into them, in float64.

    Nothing is checked but what would go unnoticed: what is stored was checked before it was. Widths may be others than
    the published ones.

    Raises:
        WeightsDamagedError: it is no such checkpoint.
        WeightsError: it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(checkpoint, framework="numpy") as file:
            model = _Writer(file.get_tensor).model()
    except SafetensorError as error:
        raise WeightsDamagedError(f'"{checkpoint}" is not a Wav2Lip checkpoint, or damaged.', hint=_HINT) from error
    except OSError as error:
        raise not_readable(checkpoint, error) from error
    except _UnfitError as error:
        raise WeightsDamagedError(f'"{checkpoint}" is not a Wav2Lip checkpoint: {error}.', hint=_HINT) from error
    network: bytes = model.SerializeToString()
    return network


class _UnfitError(Exception):
    """Why it is not; goes on after the file's name."""


class _Writer:
    """Writes the nodes one after the other, each with its weights."""

    def __init__(self, read: Read) -> None:
        import onnx

        self._read = read
        self._model = onnx.ModelProto(ir_version=_IR_VERSION, producer_name="facefusion-cli")
        self._graph = self._model.graph  # its own: a graph that is put into a model later is copied
        self._graph.name = "wav2lip"
        self._blocks = blocks()

    def model(self) -> ModelProto:
        """The whole network. The decoder sees the sound, and after each block what the face was of that size."""
        import onnx
        from onnx import helper

        faces = [FACES]
        for name in self._of("face_encoder_blocks"):
            faces.append(self._block(name, faces[-1]))
        value = self._block("audio_encoder", MEL)
        for name in self._of("face_decoder_blocks"):
            value = self._node("Concat", self._block(name, value), faces.pop(), axis=1)
        value = self._block("output_block", value)
        weight, bias = self._read(f"{LAST}.weight"), self._read(f"{LAST}.bias")
        self._node("Sigmoid", self._convolution("Conv", value, LAST, weight, bias), output=SPOKEN)
        for values, names in ((self._graph.input, (MEL, FACES)), (self._graph.output, (SPOKEN,))):
            for name in names:
                shape: list[str | int | None] = ["batch", *_SHAPES[name]]
                values.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        self._model.opset_import.append(helper.make_opsetid("", _OPSET))
        return self._model

    def _of(self, module: str) -> list[str]:
        return [name for name in self._blocks if name.startswith(f"{module}.")]

    def _block(self, name: str, value: str) -> str:
        for layer in self._blocks[name]:
            value = self._layer(layer, value)
        return value

    def _layer(self, layer: Layer, value: str) -> str:
        weight, bias = _folded(layer, self._read)
        moves: dict[str, Any] = {"strides": layer.strides, "pads": [layer.padding] * 4}
        if layer.transposed and layer.strides != (1, 1):
            moves["output_padding"] = [1, 1]
        kind = "ConvTranspose" if layer.transposed else "Conv"
        result = self._convolution(kind, value, layer.convolution, weight, bias, **moves)
        if layer.residual:
            result = self._node("Add", result, value)
        return self._node("Relu", result)

    def _convolution(
        self,
        kind: str,
        value: str,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        **moves: Any,
    ) -> str:
        import onnx

        names = {f"{name}.weight": weight, f"{name}.bias": bias}
        for key, values in names.items():
            raw = values.astype("<f4", copy=False).tobytes()
            self._graph.initializer.add(name=key, dims=values.shape, data_type=onnx.TensorProto.FLOAT, raw_data=raw)
        return self._node(kind, value, *names, kernel_shape=weight.shape[2:], **moves)

    def _node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"t{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def _folded(layer: Layer, read: Read) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of the convolution that does what it and its batch normalisation did."""
    weight, bias = read(f"{layer.convolution}.weight"), read(f"{layer.convolution}.bias").astype(np.float64)
    gamma, beta, mean, variance = (
        read(f"{layer.normalisation}.{part}").astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    outside = 1 if layer.transposed else 0
    vectors = {vector.shape for vector in (bias, gamma, beta, mean, variance)}
    if weight.shape[2:] != (layer.side, layer.side) or vectors != {weight.shape[outside : outside + 1]}:
        raise _UnfitError(f'"{layer.name}" has another shape')
    scale = gamma / np.sqrt(variance + EPSILON)
    shape = [1, 1, 1, 1]
    shape[outside] = -1
    return (weight * scale.reshape(shape)).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)
