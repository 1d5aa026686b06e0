"""What a Wav2Lip checkpoint holds: the name and shape of each of its 352 tensors.

The network of Prajwal et al., "A Lip Sync Expert Is All You Need for Speech to Lip Generation In the Wild" (2020), for
faces of 96 x 96 pixels: an encoder of the face, one of the sound, and a decoder that sees both. Nearly every layer is a
convolution followed by batch normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["COUNTER", "layout"]

COUNTER = "num_batches_tracked"
"""Tensors so called are int64; all others float32."""

# (channels in, channels out, side of the kernel) of each layer, by the block it stands in.
_FACE_ENCODER = (
    ((6, 16, 7),),
    ((16, 32, 3), (32, 32, 3), (32, 32, 3)),
    ((32, 64, 3), (64, 64, 3), (64, 64, 3), (64, 64, 3)),
    ((64, 128, 3), (128, 128, 3), (128, 128, 3)),
    ((128, 256, 3), (256, 256, 3), (256, 256, 3)),
    ((256, 512, 3), (512, 512, 3)),
    ((512, 512, 3), (512, 512, 1)),
)
_AUDIO_ENCODER = (
    *((1, 32, 3), (32, 32, 3), (32, 32, 3)),
    *((32, 64, 3), (64, 64, 3), (64, 64, 3)),
    *((64, 128, 3), (128, 128, 3), (128, 128, 3)),
    *((128, 256, 3), (256, 256, 3)),
    *((256, 512, 3), (512, 512, 1)),
)
# But for the very first, the first layer of each block is a transposed convolution, whose weights have the channels
# that come in on the first axis; what comes in is the block before and the face encoder's output of the same size.
_FACE_DECODER = (
    ((512, 512, 1),),
    ((1024, 512, 3), (512, 512, 3)),
    ((1024, 512, 3), (512, 512, 3), (512, 512, 3)),
    ((768, 384, 3), (384, 384, 3), (384, 384, 3)),
    ((512, 256, 3), (256, 256, 3), (256, 256, 3)),
    ((320, 128, 3), (128, 128, 3), (128, 128, 3)),
    ((160, 64, 3), (64, 64, 3), (64, 64, 3)),
)


def layout() -> Mapping[str, tuple[int, ...]]:
    """Shape by name, without the ``module.`` that some checkpoints put before each name."""
    return dict(_tensors())


def _tensors() -> Iterator[tuple[str, tuple[int, ...]]]:
    for number, block in enumerate(_FACE_ENCODER):
        for position, layer in enumerate(block):
            yield from _layer(f"face_encoder_blocks.{number}.{position}", *layer)
    for position, layer in enumerate(_AUDIO_ENCODER):
        yield from _layer(f"audio_encoder.{position}", *layer)
    for number, block in enumerate(_FACE_DECODER):
        for position, layer in enumerate(block):
            transposed = number > 0 and position == 0
            yield from _layer(f"face_decoder_blocks.{number}.{position}", *layer, transposed=transposed)
    yield from _layer("output_block.0", 80, 32, 3)
    yield "output_block.1.weight", (3, 32, 1, 1)
    yield "output_block.1.bias", (3,)


def _layer(
    name: str, inside: int, outside: int, side: int, *, transposed: bool = False
) -> Iterator[tuple[str, tuple[int, ...]]]:
    channels = (inside, outside) if transposed else (outside, inside)
    yield f"{name}.conv_block.0.weight", (*channels, side, side)
    yield f"{name}.conv_block.0.bias", (outside,)
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.conv_block.1.{part}", (outside,)
    yield f"{name}.conv_block.1.{COUNTER}", ()
