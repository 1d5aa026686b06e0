"""A replica of the Wav2Lip generator: random weights for its checkpoint, and an ONNX export with the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from _replica_graph import GraphWriter

from facefusion_cli.core.weights.wav2lip_layout import COUNTER, layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray

    State = Mapping[str, NDArray[np.float32] | NDArray[np.int64]]

__all__ = ["TRUE_WIDTH", "export", "random_state", "random_tensor", "shapes"]

TRUE_WIDTH = 16
"""Channels of the first layer; all other widths are multiples of it."""

_STRIDES = {
    **{f"face_encoder_blocks.{block}.0": (2, 2) for block in range(1, 6)},
    **{f"face_decoder_blocks.{block}.0": (2, 2) for block in range(2, 7)},
    "audio_encoder.3": (3, 1),
    "audio_encoder.6": (3, 3),
    "audio_encoder.9": (3, 2),
}
_UNPADDED = {"face_encoder_blocks.6.0", "audio_encoder.11", "face_decoder_blocks.1.0"}
_EPSILON = 1e-5  # of the batch normalisations


def shapes(width: int = TRUE_WIDTH) -> dict[str, tuple[int, ...]]:
    """Shapes by key of a bare state dict; a smaller ``width`` (at least 1) gives a smaller network of the same keys."""
    # Numbers below the true width are kernel sides and the channels of the network's inputs and output.
    return {
        key: tuple(size * width // TRUE_WIDTH if size >= TRUE_WIDTH else size for size in shape)
        for key, shape in layout().items()
    }


def random_tensor(key: str, shape: tuple[int, ...], number: int) -> NDArray[np.float32] | NDArray[np.int64]:
    """Make the tensor of a key that is number ``number`` of the sorted keys; as large as that of a trained network.

    Tests know what the network answers with these very weights.
    """
    rng = np.random.default_rng(1000 + number)
    if key.endswith(COUNTER):
        return np.zeros(shape, np.int64)
    if key.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) == 4:
        last = 0.05 if key == "output_block.1.weight" else 1.0
        values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])) * last
    elif key.endswith("conv_block.1.weight"):
        values = rng.uniform(0.6, 1.1, shape)
    else:
        values = rng.standard_normal(shape) * 0.1
    return values.astype(np.float32)


def random_state(width: int = TRUE_WIDTH) -> State:
    """Make a bare state dict."""
    known = shapes(width)
    numbers = {key: number for number, key in enumerate(sorted(known))}
    return {key: random_tensor(key, shape, numbers[key]) for key, shape in known.items()}


def export(state: State) -> onnx.ModelProto:
    """Make the network of a state dict.

    Inputs ``mel_spectrogram`` (batch, 1, 80, 16) and ``video_frames`` (batch, 6, 96, 96), BGR in 0..1; output
    ``predicted_frames`` (batch, 3, 96, 96).
    """
    return _Export(state).model()


class _Export:
    def __init__(self, state: State) -> None:
        self._state = state
        self._graph = GraphWriter(seed=0)
        self._blocks: dict[str, list[str]] = {}
        """The layers of each block, by what their names begin with."""
        for key in state:
            if key.endswith("conv_block.0.weight"):
                layer = key.removesuffix(".conv_block.0.weight")
                self._blocks.setdefault(layer.rpartition(".")[0], []).append(layer)

    def model(self) -> onnx.ModelProto:
        tensor = self._block("audio_encoder", "mel_spectrogram")
        skips = ["video_frames"]
        for number in range(7):
            skips.append(self._block(f"face_encoder_blocks.{number}", skips[-1]))
        for number in range(7):
            tensor = self._block(f"face_decoder_blocks.{number}", tensor)
            tensor = self._graph.node("Concat", tensor, skips.pop(), axis=1)
        tensor = self._block("output_block", tensor)
        weight, bias = (f"output_block.1.{part}" for part in ("weight", "bias"))
        tensor = self._conv("Conv", tensor, "output_block.1", self._array(weight), self._array(bias))
        self._graph.node("Sigmoid", tensor, output="predicted_frames")
        return self._graph.model(
            {"mel_spectrogram": ["batch", 1, 80, 16], "video_frames": ["batch", 6, 96, 96]},
            {"predicted_frames": ["batch", 3, 96, 96]},
        )

    def _block(self, name: str, tensor: str) -> str:
        for layer in self._blocks[name]:
            tensor = self._layer(layer, tensor)
        return tensor

    def _layer(self, name: str, tensor: str) -> str:
        weight, bias = (self._array(f"{name}.conv_block.0.{part}") for part in ("weight", "bias"))
        gamma, beta, mean, variance = (
            self._array(f"{name}.conv_block.1.{part}") for part in ("weight", "bias", "running_mean", "running_var")
        )
        if name.startswith("face_decoder_blocks") and name.endswith(".0") and weight.shape[2] > 1:
            # The exporter leaves the normalisation behind a transposed convolution alone.
            convolved = self._conv("ConvTranspose", tensor, name, weight, bias)
            parts = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
            stored = [self._graph.weight(f"{name}.{part}", values) for part, values in parts.items()]
            return self._graph.node("Relu", self._graph.batch_norm_node(convolved, *stored))
        scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + _EPSILON)
        weight = (weight * scale[:, None, None, None]).astype(np.float32)
        bias = ((bias - mean) * scale + beta).astype(np.float32)
        convolved = self._conv("Conv", tensor, name, weight, bias)
        if weight.shape[0] == weight.shape[1] and weight.shape[2] == 3 and name not in _UNPADDED:
            convolved = self._graph.node("Add", convolved, tensor)
        return self._graph.node("Relu", convolved)

    def _conv(self, kind: str, tensor: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        strides = _STRIDES.get(name, (1, 1))
        enlarging = kind == "ConvTranspose" and strides != (1, 1)
        return self._graph.conv_node(
            kind,
            tensor,
            self._graph.weight(f"{name}.weight", weight),
            self._graph.weight(f"{name}.bias", bias),
            weight.shape[2:],
            stride=strides,
            padding=0 if name in _UNPADDED else weight.shape[2] // 2,
            **({"output_padding": [1, 1]} if enlarging else {}),
        )

    def _array(self, key: str) -> NDArray[np.float32]:
        return self._state[key].astype(np.float32, copy=False)
