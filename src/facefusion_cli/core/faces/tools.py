"""What engines share during one run, or all runs of a service: the device, and networks that are loaded once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from facefusion_cli.core.device import Device, select_device
from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.inference.network import Network, open_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.core.device import PrecisionWish
    from facefusion_cli.core.faces.insight import InsightAnalyser
    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.core.weights.provision import Provision

    Opener = Callable[..., Network]
    """As ``open_network``: (file, device, sha256=...)."""

__all__ = ["Tools"]

T = TypeVar("T")


class Tools:
    """Made once per run, or once for many; cheap until something is asked of it, and then loaded once."""

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
        self._opened: dict[str, tuple[Path, Network]] = {}
        self._made: dict[str, object] = {}

    @cached_property
    def device(self) -> Device:
        """Where networks run.

        Raises:
            DeviceError: what was asked for cannot be used.
        """
        device, precision, threads = self._wishes
        return select_device(device, precision, threads)

    def open(self, weight: str, how: Opener = open_network) -> tuple[Path, Network]:
        """The file of a stored weight and its network on the device, opened by ``how`` the first time.

        Raises:
            WeightsError: it is not stored, or damaged.
            DeviceError: the device asked for cannot run it.
        """
        if weight not in self._opened:
            path, sha256 = self.provision.stored(weight)
            network = how(path, self.device, sha256=sha256)
            self.verdicts[weight] = network.verdict
            self._opened[weight] = path, network
        return self._opened[weight]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` makes, the first time it is asked for under that name: something that is read from weights."""
        if name not in self._made:
            self._made[name] = make()
        return cast("T", self._made[name])

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
