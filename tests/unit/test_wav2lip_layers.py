"""The description of Wav2Lip's layers against the published checkpoint's keys and the sizes that its contract has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.lipsync.wav2lip.layers import LAST, Layer, blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(__file__).parents[1] / "data" / "wav2lip_state_dict.json"
ADDING = {
    "face_encoder_blocks": [0, 2, 3, 2, 2, 1, 0],
    "audio_encoder": [7],
    "face_decoder_blocks": [0, 1, 2, 2, 2, 2, 2],
    "output_block": [0],
}
"""How many layers of each block add what they were given."""


def of(module: str) -> list[tuple[Layer, ...]]:
    return [layers for name, layers in blocks().items() if name.partition(".")[0] == module]


def after(layers: Sequence[Layer], size: tuple[int, int]) -> tuple[int, int]:
    """The size of what layers give, by the definition of convolutions."""
    for layer in layers:
        if layer.transposed:
            more = [0 if stride == 1 else 1 for stride in layer.strides]
            size = tuple(
                (length - 1) * stride - 2 * layer.padding + layer.side + extra
                for length, stride, extra in zip(size, layer.strides, more, strict=True)
            )  # type: ignore[assignment]
        else:
            size = tuple(
                (length + 2 * layer.padding - layer.side) // stride + 1
                for length, stride in zip(size, layer.strides, strict=True)
            )  # type: ignore[assignment]
        assert not layer.residual or layer.strides == (1, 1)
    return size


def test_every_tensor_of_the_checkpoint_belongs_to_a_layer() -> None:
    known = set(json.loads(DATA.read_text(encoding="utf-8")))
    named = {f"{LAST}.weight", f"{LAST}.bias"}
    for layers in blocks().values():
        for layer in layers:
            named |= {f"{layer.convolution}.{part}" for part in ("weight", "bias")}
            parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
            named |= {f"{layer.normalisation}.{part}" for part in parts}
    assert named == known


def test_a_face_gets_smaller_block_by_block_and_larger_again() -> None:
    sizes, size = [], (96, 96)
    for layers in of("face_encoder_blocks"):
        size = after(layers, size)
        sizes.append(size)
    assert sizes == [(side, side) for side in (96, 48, 24, 12, 6, 3, 1)]
    for layers, beside in zip(of("face_decoder_blocks"), sizes[::-1], strict=True):
        size = after(layers, size)
        assert size == beside
    (output,) = of("output_block")
    assert after(output, size) == (96, 96)


def test_sound_becomes_one_point() -> None:
    (layers,) = of("audio_encoder")
    sizes = [after(layers[:count], (80, 16)) for count in (3, 6, 9, 11, 13)]
    assert sizes == [(80, 16), (27, 16), (9, 6), (3, 3), (1, 1)]


def test_which_layers_add_what_they_were_given() -> None:
    assert {module: [sum(layer.residual for layer in layers) for layers in of(module)] for module in ADDING} == ADDING
