"""The network that makes mouths: a batch of faces and of what is heard in, as many speaking faces out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.failures import first_line
from facefusion_cli.core.inference.network import Network, known_verdict, open_network
from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.lipsync.wav2lip.graph import FACES, MEL, SPOKEN, graph_sha256, to_graph
from facefusion_cli.errors import DeviceError, WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.device import Device
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.errors import FaceFusionError

__all__ = ["BATCH", "Generator", "known_generator_verdict", "open_generator_network"]

BATCH = 16
"""Items at a time: in bf16 on a processor each takes a third of the time that it takes alone."""


def open_generator_network(checkpoint: Path, device: Device, *, sha256: str) -> Network:
    """The network of a stored checkpoint of that SHA-256 on a device, as ``open_network`` opens any.

    Raises:
        WeightsError: it cannot be read, or is damaged.
        DeviceError: the device or precision asked for cannot run it.
    """
    return open_network(checkpoint, device, sha256=graph_sha256(sha256), to_graph=to_graph, batch=BATCH)


def known_generator_verdict(checkpoint: Path, device: Device, *, sha256: str) -> Verdict | None:
    """What an earlier run found out about it, without opening it."""
    return known_verdict(checkpoint, device, sha256=graph_sha256(sha256))


class Generator:
    """Wav2Lip as opened for a device.

    An item's answer depends neither on what else is in the batch nor on its place there, bit for bit: all batches have
    the same length, for the way to compute depends on that.
    """

    def __init__(self, checkpoint: Path, network: Network) -> None:
        """``checkpoint`` is the file, for messages."""
        self._checkpoint = checkpoint
        self._verdict = network.verdict
        self._session: Session = network.session if network.verdict.batched else OneByOne(network.session)
        self._at_work = threading.Lock()
        """The network takes all the processor has: two runs at a time would take longer than one after the other."""

    @classmethod
    def open(cls, weight: str, tools: Tools) -> Generator:
        """Load ``weight`` ("wav2lip" or "wav2lip_gan") from the store; what runs it is told in ``tools.verdicts``.

        The first time on a device it is tried out beside onnxruntime, which takes some seconds.

        Raises:
            WeightsMissingError, WeightsDamagedError.
            WeightsError: it cannot be read.
            DeviceError: the device or precision asked for cannot be used, or not for this network.
        """
        return cls(*tools.open(weight, open_generator_network))

    def run(self, mel: NDArray[np.float32], faces: NDArray[np.float32]) -> NDArray[np.float32]:
        """The speaking faces (16, 3, 96, 96), BGR in 0 to 1.

        ``mel``: (16, 1, 80, 16), -4 to 4: what is heard from the moment of the frame on. ``faces``: (16, 6, 96, 96),
        BGR in 0 to 1: first the face with its lower half, rows 48 to 95, black, then the whole face. Fill what remains
        of a batch with zeros. Contract: Rudrabha/Wav2Lip, 5c90fa9. May be called from several threads.

        Raises:
            ValueError: another number of items, or arrays of another shape or type.
            DeviceError: the GPU fails, or the answer is no picture in the precision it has there.
            WeightsDamagedError: the answer is no picture.
        """
        if len(mel) != BATCH or len(faces) != BATCH:
            raise ValueError(f"{len(mel)} and {len(faces)} items were given; it takes {BATCH} at a time.")
        try:
            with self._at_work:
                (spoken,) = self._session.run([SPOKEN], {MEL: mel, FACES: faces})
        except RuntimeError as error:
            if self._verdict.device == "cpu":
                raise
            raise DeviceError(
                f"{self._verdict.device} failed while it made a mouth: {first_line(error)}.",
                hint="Close other programs that use the GPU, or take --device cpu.",
            ) from error
        if not np.isfinite(spoken).all():
            raise self._no_picture()
        return spoken

    def _no_picture(self) -> FaceFusionError:
        device, precision = self._verdict.device, self._verdict.precision
        if device != "cpu" or precision != "fp32":
            hint = "Take --precision fp32." if precision != "fp32" else "Take --device cpu."
            return DeviceError(f'"{self._checkpoint.name}" gives no picture on {device} in {precision}.', hint=hint)
        return WeightsDamagedError(
            f'the network "{self._checkpoint}" gives no picture.',
            hint='"facefusion download-models --verify" checks what is stored.',
        )
