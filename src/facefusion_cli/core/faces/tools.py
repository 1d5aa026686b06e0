"""What engines share during one run: the device, and the networks of detection and recognition."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from facefusion_cli.core.device import Device, select_device
from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.inference.network import Network, open_network

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.device import PrecisionWish
    from facefusion_cli.core.faces.insight import InsightAnalyser
    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.core.weights.provision import Provision

__all__ = ["Tools"]


class Tools:
    """Made once per run; cheap until something is asked of it, and then loaded once."""

    def __init__(
        self,
        provision: Provision,
        device: str | None = None,
        precision: PrecisionWish = "auto",
        threads: int | None = None,
    ) -> None:
        """As ``select_device`` takes them."""
        self.provision = provision
        self.verdicts: dict[str, Verdict] = {}
        """What runs each network that was opened, and why."""
        self._wishes = device, precision, threads

    @cached_property
    def device(self) -> Device:
        """Where networks run.

        Raises:
            DeviceError: what was asked for cannot be used.
        """
        device, precision, threads = self._wishes
        return select_device(device, precision, threads)

    def open(self, weight: str) -> tuple[Path, Network]:
        """The file of a stored weight and its network on the device.

        Raises:
            WeightsError: it is not stored, or damaged.
            DeviceError: the device asked for cannot run it.
        """
        path, sha256 = self.provision.stored(weight)
        network = open_network(path, self.device, sha256=sha256)
        self.verdicts[weight] = network.verdict
        return path, network

    @property
    def details(self) -> tuple[str, ...]:
        """A sentence for each network that was opened."""
        return tuple(
            f"{weight} runs on {verdict.device} in {verdict.precision} by {verdict.backend}: {verdict.reason}."
            for weight, verdict in self.verdicts.items()
        )

    @cached_property
    def recogniser(self) -> Recogniser:
        """The recognition network (w600k_r50)."""
        from facefusion_cli.core.faces.recognition import Recogniser

        path, network = self.open("w600k_r50")
        return Recogniser(path, network.session, batched=network.verdict.batched)

    @cached_property
    def insight(self) -> InsightAnalyser:
        """buffalo_l's detector (det_10g), with the embedded detector as its second opinion."""
        from facefusion_cli.core.faces.insight import InsightAnalyser

        _, network = self.open("det_10g")
        return InsightAnalyser(network.session, embedded=shared_analyser())
