"""The layers of Wav2Lip's generator: how each moves over a picture, beside the shapes that its checkpoint has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.weights import wav2lip_layout

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EPSILON", "LAST", "Layer", "blocks"]

EPSILON = 1e-5
"""Of the batch normalisations."""
LAST = "output_block.1"
"""The one convolution without batch normalisation; the sigmoid follows it."""

_CONVOLUTION = ".conv_block.0"
_STRIDES = {
    **{f"face_encoder_blocks.{block}.0": (2, 2) for block in range(1, 6)},
    **{f"face_decoder_blocks.{block}.0": (2, 2) for block in range(2, 7)},
    "audio_encoder.3": (3, 1),
    "audio_encoder.6": (3, 3),
    "audio_encoder.9": (3, 2),
}
_UNPADDED = {"face_encoder_blocks.6.0", "audio_encoder.11", "face_decoder_blocks.1.0"}
"""From 3 x 3 pixels to one and back."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution, the batch normalisation that follows it, and a ReLU."""

    name: str
    """In the checkpoint: what the names of its tensors begin with."""
    side: int
    """Of the kernel."""
    strides: tuple[int, int]
    """Down and across."""
    padding: int
    """On every side."""
    transposed: bool
    """Enlarges; what comes out is as many times as large as what went in as its strides say."""
    residual: bool
    """Its input is added before the ReLU."""

    @property
    def convolution(self) -> str:
        """What the names of the convolution's weight and bias begin with."""
        return f"{self.name}{_CONVOLUTION}"

    @property
    def normalisation(self) -> str:
        """What the names of the batch normalisation's tensors begin with."""
        return f"{self.name}.conv_block.1"


def blocks() -> Mapping[str, tuple[Layer, ...]]:
    """The layers of each block in order, by what their names begin with; all but ``LAST``."""
    shapes = wav2lip_layout.layout()
    found: dict[str, tuple[Layer, ...]] = {}
    for key, shape in shapes.items():
        name = key.removesuffix(f"{_CONVOLUTION}.weight")
        if name != key:
            block = name.rpartition(".")[0]
            (outside,) = shapes[f"{name}{_CONVOLUTION}.bias"]
            found[block] = (*found.get(block, ()), _layer(name, shape, outside))
    return found


def _layer(name: str, shape: tuple[int, ...], outside: int) -> Layer:
    side = shape[2]
    # The weights of a transposed convolution have the channels that come in first; none of them keeps their number.
    transposed = shape[0] != outside
    strides = _STRIDES.get(name, (1, 1))
    padded = name not in _UNPADDED
    # Layers that keep everything as it is add to it.
    residual = side > 1 and padded and strides == (1, 1) and shape[0] == shape[1]
    return Layer(name, side, strides, side // 2 if padded else 0, transposed, residual)
