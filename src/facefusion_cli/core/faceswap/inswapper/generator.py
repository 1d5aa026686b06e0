"""The network that makes the new face: batches of crops in, as many crops out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faceswap.inswapper.boost import CROP
from facefusion_cli.core.faceswap.inswapper.emap import EMBEDDING
from facefusion_cli.core.failures import first_line
from facefusion_cli.errors import DeviceError, FaceFusionError, WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.network import Network
    from facefusion_cli.core.inference.session import TensorInfo

__all__ = ["Generator"]

_PROCESSOR_BATCH = 4
"""Crops at a time for torch on a processor: a tenth faster than one by one, more is no faster."""
_GPU_BATCH = 8
"""On a GPU: 1024 channels of 32 x 32 pixels for 8 crops keep the largest of them busy."""

_GPU_FULL = ("out of memory", "ALLOC_FAILED")


class Generator:
    """inswapper_128 as opened for a device.

    A crop's answer does not depend on what else is swapped with it. On a processor the network sees to that itself. On
    a GPU, where the way to compute depends on the length of the batch, all batches have the same, the last one too.
    """

    def __init__(self, model: Path, network: Network) -> None:
        """``model`` is the file, for messages.

        Raises:
            WeightsDamagedError: the network takes or gives something else.
        """
        self._model = model
        self._session, self._verdict = network.session, network.verdict
        self._picture, self._vector = self._inputs()
        self._gpu = self._verdict.device.startswith("cuda")
        # onnxruntime gains nothing by batches on a processor.
        batched = self._verdict.batched and self._verdict.backend == "torch"
        self._batch = 1 if not batched else _GPU_BATCH if self._gpu else _PROCESSOR_BATCH
        self._least = max(self._batch // 2, 1)
        self._at_work = threading.Lock()
        """The network takes all the processor has: two runs at a time would take longer than one after the other."""

    def run(self, crops: NDArray[np.uint8], latents: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(N, 128, 128, 3) uint8 BGR: each crop (likewise) with the identity of its latent (N, 512) of length 1.

        Where a GPU's memory does not suffice the batch is halved, once.

        Raises:
            DeviceError: the GPU fails, or the answer is no picture in the precision it has there.
            WeightsDamagedError: the answer is no picture.
            FaceFusionError: the GPU's memory does not suffice.
        """
        swapped = np.empty_like(crops)
        start = 0
        while start < len(crops):
            batch = self._batch
            part = slice(start, start + batch)
            with self._at_work:
                answer = self._try(crops[part], latents[part], batch)
            if answer is None:
                self._batch = self._least
                continue
            swapped[part] = answer
            start = part.stop
        return swapped

    def _try(self, crops: NDArray[np.uint8], latents: NDArray[np.float32], batch: int) -> NDArray[np.uint8] | None:
        """The answer for one batch; None where the GPU's memory does not suffice and a smaller one may be tried."""
        count = len(crops)
        if self._gpu and count < batch:
            crops, latents = (np.concatenate([each, each[-1:].repeat(batch - count, 0)]) for each in (crops, latents))
        pictures = np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        try:
            (answer,) = self._session.run(None, {self._picture: pictures, self._vector: latents})
        except RuntimeError as error:
            if not self._gpu:
                raise
            if not any(sign in str(error) for sign in _GPU_FULL):
                raise DeviceError(
                    f"{self._verdict.device} failed while it made a face: {first_line(error)}.",
                    hint="Take --device cpu.",
                ) from error
            if batch <= self._least:
                raise FaceFusionError(
                    f"the memory of {self._verdict.device} does not suffice to make a face.",
                    hint="Close other programs that use the GPU, or take --device cpu.",
                ) from error
            return None
        return self._to_crops(answer[:count])

    def _to_crops(self, answer: NDArray[np.float32]) -> NDArray[np.uint8]:
        if not np.isfinite(answer).all():
            raise self._no_picture()
        levels: NDArray[np.uint8] = np.rint(np.clip(answer, 0, 1) * np.float32(255)).astype(np.uint8)
        return levels.transpose(0, 2, 3, 1)[..., ::-1]

    def _no_picture(self) -> FaceFusionError:
        device, precision = self._verdict.device, self._verdict.precision
        if self._gpu or precision != "fp32":
            hint = "Take --precision fp32." if precision != "fp32" else "Take --device cpu."
            return DeviceError(f'"{self._model.name}" gives no picture on {device} in {precision}.', hint=hint)
        return WeightsDamagedError(
            f'the network "{self._model}" gives no picture.',
            hint='"facefusion download-models --verify" checks what is stored.',
        )

    def _inputs(self) -> tuple[str, str]:
        """Names of the inputs for pictures and for latents."""
        names = {_item(info): info.name for info in self._session.get_inputs()}
        answers = [_item(info) for info in self._session.get_outputs()]
        picture, vector = (3, CROP, CROP), (EMBEDDING,)
        if names.keys() != {picture, vector} or answers != [picture]:
            raise WeightsDamagedError(
                f'the network "{self._model}" takes or gives something else than inswapper_128 does.',
                hint='"facefusion download-models --verify" checks what is stored.',
            )
        return names[picture], names[vector]


def _item(info: TensorInfo) -> tuple[Sequence[int | str | None] | int | str | None, ...]:
    """The shape of one item of the batch."""
    return tuple(info.shape[1:])
