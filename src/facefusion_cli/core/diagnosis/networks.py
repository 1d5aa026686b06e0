"""onnxruntime, the networks that come inside the package, and what serves the stored ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.diagnosis.storage import is_stored
from facefusion_cli.core.failures import first_line
from facefusion_cli.core.inference.network import known_verdict, open_network
from facefusion_cli.core.inference.onnx_runtime import open_embedded, open_session
from facefusion_cli.core.lipsync.wav2lip.network import known_generator_verdict, open_generator_network
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from facefusion_cli.core.device import Device
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.inference.verdicts import Verdict
    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store

__all__ = ["EMBEDDED", "embedded_networks", "stored_networks"]

EMBEDDED = ("blazeface_short.onnx", "blazeface_full.onnx", "face_mesh.onnx")
_SMALLEST = (
    b'\x08\x08:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01yZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
"""The smallest of networks, y = x in ONNX: if it does not run, no file is at fault."""
_REINSTALL = 'Run "pip install --force-reinstall --no-deps facefusion-cli".'
_REINSTALL_ONNXRUNTIME = 'Run "pip install --force-reinstall --no-deps onnxruntime".'


def embedded_networks() -> list[Fact]:
    """onnxruntime's providers, those listed and the one that runs, and each embedded network run once.

    Where onnxruntime itself does not work, that alone.
    """
    try:
        import onnxruntime

        listed = list(onnxruntime.get_available_providers())
        session = open_session(_SMALLEST)
        session.run(None, {"x": np.zeros(1, np.float32)})
    except Exception as error:  # noqa: BLE001  (whatever a broken onnxruntime raises, it ends in a sentence)
        problem = FaceFusionError(f"onnxruntime does not work: {first_line(error)}.", hint=_REINSTALL_ONNXRUNTIME)
        return [Fact.problem("onnxruntime", problem)]
    active = session.get_providers()
    others = [name for name in listed if name not in active]
    text = f"{', '.join(active)} in a session" + (f"; listed as well: {', '.join(others)}" if others else "")
    works = Fact("onnxruntime", text, "ok", {"listed": listed, "active": active})
    return [works, *(_embedded(name) for name in EMBEDDED)]


def _embedded(name: str) -> Fact:
    try:
        session = open_embedded(name)
        finite = all(np.isfinite(output).all() for output in session.run(None, _grey(session)))
    except Exception as error:
        # onnxruntime's errors have no base class of their own.
        if not (isinstance(error, OSError) or type(error).__module__.partition(".")[0] == "onnxruntime"):
            raise
        problem = FaceFusionError(f'the network "{name}" cannot be run: {first_line(error)}.', hint=_REINSTALL)
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


def stored_networks(store: Store, device: Device | None) -> list[Fact]:
    """What serves each stored network on the device, and why; None: no device can be had.

    What was found out at a network's first use is told as such; one not used yet is opened, which takes a while and is
    remembered.
    """
    if device is None:
        return [Fact("networks", "not tried, for want of the device")]
    stored = [weight for weight in store.catalog.weights if is_stored(store, weight)]
    return [_network(store, weight, device) for weight in stored] or [Fact("networks", "none is stored")]


def _network(store: Store, weight: Weight, device: Device) -> Fact:
    try:
        path, sha256 = store.require(weight), store.sha256(weight)
        if weight.form == "wav2lip":
            known = known_generator_verdict(path, device, sha256=sha256)
            verdict = known or open_generator_network(path, device, sha256=sha256).verdict
        else:
            known = known_verdict(path, device, sha256=sha256)
            verdict = known or open_network(path, device, sha256=sha256).verdict
    except FaceFusionError as error:
        return Fact.problem(weight.name, error)
    return _described(weight.name, verdict, device, tried=known is None)


def _described(name: str, verdict: Verdict, device: Device, *, tried: bool) -> Fact:
    batches = "any batch size" if verdict.batched else "the graph's own batch size"
    text = f"{verdict.backend} on {verdict.device} in {verdict.precision}, {batches}: {verdict.reason}"
    if not tried:
        text += "; found at its first use, not opened now"
    data = {
        "backend": verdict.backend,
        "device": verdict.device,
        "precision": verdict.precision,
        "batched": verdict.batched,
        "reason": verdict.reason,
        "tried": tried,
    }
    if verdict.device != device.name:
        return Fact(name, text, "note", data)
    return Fact(name, text, "ok" if tried else "info", data)
