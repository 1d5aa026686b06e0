"""onnxruntime, the networks that come inside the package, and what serves the stored ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.diagnosis.storage import is_stored
from facefusion_cli.core.inference.network import known_verdict, open_network
from facefusion_cli.core.inference.onnx_runtime import open_embedded
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from facefusion_cli.core.device import Device
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store

__all__ = ["EMBEDDED", "embedded_networks", "stored_networks"]

EMBEDDED = ("blazeface_short.onnx", "blazeface_full.onnx", "face_mesh.onnx")
_REINSTALL = 'Run "pip install --force-reinstall --no-deps facefusion-cli".'
_REINSTALL_ONNXRUNTIME = 'Run "pip install --force-reinstall --no-deps onnxruntime".'


def embedded_networks() -> list[Fact]:
    """onnxruntime's providers, those listed and the one that runs, and each embedded network run once."""
    facts = []
    try:
        import onnxruntime

        listed = list(onnxruntime.get_available_providers())
        active = open_embedded(EMBEDDED[0]).get_providers()
    except Exception as error:
        if not _foreign(error):
            raise
        problem = FaceFusionError(f"onnxruntime does not work: {_first_line(error)}.", hint=_REINSTALL_ONNXRUNTIME)
        facts.append(Fact.problem("onnxruntime", problem))
    else:
        others = [name for name in listed if name not in active]
        text = f"{', '.join(active)} in a session" + (f"; listed as well: {', '.join(others)}" if others else "")
        facts.append(Fact("onnxruntime", text, "ok", {"listed": listed, "active": active}))
    return [*facts, *(_embedded(name) for name in EMBEDDED)]


def _embedded(name: str) -> Fact:
    try:
        session = open_embedded(name)
        finite = all(np.isfinite(output).all() for output in session.run(None, _grey(session)))
    except Exception as error:
        if not _foreign(error):
            raise
        problem = FaceFusionError(f'the network "{name}" cannot be run: {_first_line(error)}.', hint=_REINSTALL)
        return Fact.problem(name, problem)
    if not finite:
        wrong = FaceFusionError(f'the network "{name}" gives numbers that are none.', hint=_REINSTALL)
        return Fact.problem(name, wrong)
    return Fact(name, "runs", "ok")


def _grey(session: Session) -> dict[str, np.ndarray]:
    return {
        info.name: np.full([size if isinstance(size, int) else 1 for size in info.shape], 0.5, np.float32)
        for info in session.get_inputs()
    }


def _foreign(error: Exception) -> bool:
    """Whether a library or a file is at fault; onnxruntime's errors have no base class of their own.

    AttributeError: of two onnxruntimes installed over each other, one removed, a shell is left.
    """
    return isinstance(error, (ImportError, OSError, AttributeError)) or (
        type(error).__module__.partition(".")[0] == "onnxruntime"
    )


def stored_networks(store: Store, device: Device | None) -> list[Fact]:
    """What serves each stored ONNX file on the device, and why; None: no device can be had.

    What an earlier run found out is told; else the network is opened, which takes a while and is remembered.
    """
    if device is None:
        return [Fact("networks", "not tried, for want of the device")]
    graphs = [weight for weight in store.catalog.weights if weight.form == "onnx" and is_stored(store, weight)]
    return [_network(store, weight, device) for weight in graphs] or [Fact("networks", "none is stored")]


def _network(store: Store, weight: Weight, device: Device) -> Fact:
    try:
        path, sha256 = store.require(weight), store.sha256(weight)
        verdict = known_verdict(path, device, sha256=sha256)
        if verdict is None:
            verdict = open_network(path, device, sha256=sha256).verdict
    except FaceFusionError as error:
        return Fact.problem(weight.name, error)
    return _described(weight.name, verdict, device)


def _described(name: str, verdict: Verdict, device: Device) -> Fact:
    batches = "any batch size" if verdict.batched else "the graph's own batch size"
    text = f"{verdict.backend} on {verdict.device} in {verdict.precision}, {batches}: {verdict.reason}"
    data = {
        "backend": verdict.backend,
        "device": verdict.device,
        "precision": verdict.precision,
        "batched": verdict.batched,
        "reason": verdict.reason,
    }
    return Fact(name, text, "ok" if verdict.device == device.name else "note", data)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
