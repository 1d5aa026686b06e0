"""A replica of the Wav2Lip generator: random weights for its checkpoint, and an ONNX export with the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from _replica_graph import GraphWriter

from facefusion_cli.core.lipsync.wav2lip.layers import EPSILON, LAST, blocks
from facefusion_cli.core.weights.wav2lip_layout import COUNTER, layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.wav2lip.layers import Layer

    State = Mapping[str, NDArray[np.float32] | NDArray[np.int64]]

__all__ = ["TRUE_WIDTH", "export", "random_state", "random_tensor", "shapes"]

TRUE_WIDTH = 16
"""Channels of the first layer; all other widths are multiples of it."""


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
        self._blocks = blocks()

    def model(self) -> onnx.ModelProto:
        tensor = self._block("audio_encoder", "mel_spectrogram")
        skips = ["video_frames"]
        for number in range(7):
            skips.append(self._block(f"face_encoder_blocks.{number}", skips[-1]))
        for number in range(7):
            tensor = self._block(f"face_decoder_blocks.{number}", tensor)
            tensor = self._graph.node("Concat", tensor, skips.pop(), axis=1)
        tensor = self._block("output_block", tensor)
        weight, bias = (self._array(f"{LAST}.{part}") for part in ("weight", "bias"))
        tensor = self._conv("Conv", tensor, LAST, weight, bias)
        self._graph.node("Sigmoid", tensor, output="predicted_frames")
        return self._graph.model(
            {"mel_spectrogram": ["batch", 1, 80, 16], "video_frames": ["batch", 6, 96, 96]},
            {"predicted_frames": ["batch", 3, 96, 96]},
        )

    def _block(self, name: str, tensor: str) -> str:
        for layer in self._blocks[name]:
            tensor = self._layer(layer, tensor)
        return tensor

    def _layer(self, layer: Layer, tensor: str) -> str:
        weight, bias = (self._array(f"{layer.convolution}.{part}") for part in ("weight", "bias"))
        gamma, beta, mean, variance = (
            self._array(f"{layer.normalisation}.{part}") for part in ("weight", "bias", "running_mean", "running_var")
        )
        moves: dict[str, Any] = {"stride": layer.strides, "padding": layer.padding}
        if layer.transposed:
            # The exporter leaves the normalisation behind a transposed convolution alone.
            if layer.strides != (1, 1):
                moves["output_padding"] = [1, 1]
            convolved = self._conv("ConvTranspose", tensor, layer.name, weight, bias, **moves)
            parts = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
            stored = [self._graph.weight(f"{layer.name}.{part}", values) for part, values in parts.items()]
            return self._graph.node("Relu", self._graph.batch_norm_node(convolved, *stored))
        scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
        weight = (weight * scale[:, None, None, None]).astype(np.float32)
        bias = ((bias - mean) * scale + beta).astype(np.float32)
        convolved = self._conv("Conv", tensor, layer.name, weight, bias, **moves)
        if layer.residual:
            convolved = self._graph.node("Add", convolved, tensor)
        return self._graph.node("Relu", convolved)

    def _conv(
        self,
        kind: str,
        tensor: str,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: int = 0,
        **attributes: Any,
    ) -> str:
        stored = (self._graph.weight(f"{name}.weight", weight), self._graph.weight(f"{name}.bias", bias))
        return self._graph.conv_node(
            kind, tensor, *stored, weight.shape[2:], stride=stride, padding=padding, **attributes
        )

    def _array(self, key: str) -> NDArray[np.float32]:
        return self._state[key].astype(np.float32, copy=False)
