"""The engines of one process: chosen and loaded once, used for every order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from facefusion_cli.api.orders import SwapOrder
from facefusion_cli.api.work.choice import engine_for
from facefusion_cli.core.content.explicit import shared_network
from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.faceswap import engine as swapping
from facefusion_cli.core.faceswap.engine import SwapSettings
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.lipsync import engine as speaking
from facefusion_cli.core.lipsync.engine import SyncSettings
from facefusion_cli.core.lipsync.job import LipSyncJob
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import Output, result_kind
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program
from facefusion_cli.core.media.video.words import incomplete
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.core.weights.store import USABLE
from facefusion_cli.errors import UsageError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.api.orders import LipSyncOrder, Order, OrderKind
    from facefusion_cli.api.work.reporter import Reporter
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import State

__all__ = ["Engines", "StoredWeights"]


class StoredWeights(Provision):
    """Provision of a service: what is stored is used, nothing is ever fetched and nobody is asked."""

    def __init__(self, models_dir: Path | None = None) -> None:
        super().__init__(models_dir=models_dir)
        self.loaded: frozenset[str] = frozenset()
        """Engines that are in memory: what becomes of their files does not matter any more."""

    def require(self, engine: str) -> None:
        """Make sure that what a named engine needs is stored.

        Raises:
            WeightsMissingError: it is not; the sentence names the weights and the command that fetches them.
        """
        lacking = self._lacking(engine)
        if lacking:
            names = ", ".join(weight.name for weight in lacking)
            states = " or ".join(dict.fromkeys(lacking.values()))
            raise WeightsMissingError(
                f"the weights that the {engine} engine needs are {states} ({names}):"
                f' "facefusion download-models {engine}" fetches them.'
            )

    def _lacking(self, engine: str) -> dict[Weight, State]:
        return {} if engine in self.loaded else super()._lacking(engine)

    def states(self) -> dict[str, bool]:
        """Whether each weight of the catalog is stored and whole."""
        return {weight.name: self._store.state(weight) in USABLE for weight in self._store.catalog.weights}


class Engines:
    """Both engines on one device."""

    def __init__(self, device: str | None, names: Sequence[str], models_dir: Path | None = None) -> None:
        """Cheap; ``device`` as ``select_device`` takes it, ``names`` those that were asked for."""
        self.weights = StoredWeights(models_dir)
        self.notes: list[str] = []
        """What whoever runs the service should know."""
        self.names: dict[OrderKind, str] = {}
        """The engine of each kind of order, once they are loaded."""
        self._wanted: dict[OrderKind, str] = {
            "faceswap": engine_for("faceswap", names),
            "lipsync": engine_for("lipsync", names),
        }
        self._tools = Tools(self.weights, device)

    @property
    def device(self) -> str:
        """Where networks run, as in "cpu".

        Raises:
            DeviceError: what was asked for cannot be used.
        """
        return self._tools.device.name

    def load(self) -> None:
        """Prove the device, choose and load; what is loaded already is not loaded again.

        Raises:
            DeviceError: the device that was asked for cannot be used, or cannot run a network.
            WeightsMissingError: weights of an engine that was asked for are not stored.
            WeightsError: stored weights cannot be used.
            ProgramError: there is no ffmpeg.
            FaceFusionError: the network that checks contents is missing or damaged.
        """
        notes = [self._tools.device.note]
        ffmpeg_program()
        swapper, note = swapping.choose_engine(self._wanted["faceswap"], self.weights)
        notes.append(note)
        speaker, note = speaking.choose_engine(self._wanted["lipsync"], self.weights)
        notes.append(note)
        shared_analyser().load()
        shared_network()
        swapper.finder(self._tools)
        swapper.create(SwapSettings(), self._tools)
        if swapper.recognises:
            _ = self._tools.recogniser
        speaker.create(SyncSettings(LipSyncOptions().pads), self._tools)
        if self._tools.device.kind == "cuda":
            notes += [
                f"the {name} engine always runs on the processor, not on {self.device}."
                for name in (swapper.name, speaker.name)
                if name not in ENGINE_WEIGHTS
            ]
        self.notes = [*dict.fromkeys(filter(None, notes))]
        self.names = {"faceswap": swapper.name, "lipsync": speaker.name}
        self.weights.loaded = frozenset(self.names.values())

    def do(self, order: Order, reporter: Reporter) -> tuple[str, ...]:
        """Make the result of an order; sentences for the client.

        Raises:
            FaceFusionError: see ``SwapJob`` and ``LipSyncJob``.
            Cancelled: the work was to end.
        """
        if order.options.engine not in ("auto", self.names[order.kind]):
            raise UsageError(
                f'the engine "{order.options.engine}" is not loaded.',
                hint=f'This service has "{self.names[order.kind]}".',
            )
        return self._swap(order, reporter) if isinstance(order, SwapOrder) else self._speak(order, reporter)

    def _swap(self, order: SwapOrder, reporter: Reporter) -> tuple[str, ...]:
        options = replace(
            order.options, engine=self.names["faceswap"], video=replace(order.options.video, resume=False)
        )
        output = Output(order.target, order.output, "replace", result_kind(Target.named(order.target), order.output))
        job = SwapJob(order.source, options, tools=self._tools)
        if output.kind == "picture":
            reporter.stage("swapping", 0, 0)
        job.read()
        notes = [job.choose(), *job.prepare()]
        result = job.run(output, reporter)
        notes += result.notes
        video = result.video
        if video is not None and video.decoded < video.promised:
            notes.append(incomplete(order.target, video.decoded, video.promised, "").message)
        return _once(notes)

    def _speak(self, order: LipSyncOrder, reporter: Reporter) -> tuple[str, ...]:
        options = replace(order.options, engine=self.names["lipsync"], video=replace(order.options.video, resume=False))
        output = Output(order.video, order.output, "replace", "video", sound=order.audio)
        job = LipSyncJob(options, tools=self._tools)
        job.read()
        notes = [job.choose()]
        try:
            notes += job.prepare()
        except WeightsMissingError as error:  # the engine has its own
            raise UsageError(
                "this service has no weights to tell persons apart, which a reference picture needs.",
                hint="Choose the face by its place.",
            ) from error
        result = job.run(output, reporter)
        notes += result.notes
        if result.decoded < result.promised:
            notes.append(incomplete(order.video, result.decoded, result.promised, "").message)
        return _once(notes)


def _once(notes: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, notes)))
