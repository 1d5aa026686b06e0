"""The processor and the GPUs, and why each is used or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core import gpu
from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.processor import processor
from facefusion_cli.errors import DeviceError

if TYPE_CHECKING:
    from facefusion_cli.core.cuda import Gpu
    from facefusion_cli.core.device import Device

__all__ = ["devices"]


def devices(chosen: Device | DeviceError) -> list[Fact]:
    """Every device, and the one chosen, or why the one asked for cannot be."""
    found = gpu.probe_all()
    if isinstance(found, gpu.Unusable):
        gpus = [_unusable("cuda", found)]
    else:
        gpus = [_gpu(f"cuda:{number}", entry) for number, entry in enumerate(found)]
    return [_processor(), *gpus, _chosen(chosen)]


def _processor() -> Fact:
    here = processor()
    cores = f"{here.cores} core{'s' if here.cores != 1 else ''}"
    limits = [] if here.logical == here.cores else [f"{here.logical} logical"]
    if here.quota is not None:
        limits.append(f"limited to {here.quota:g} by the control group")
    if limits:
        cores += f" ({', '.join(limits)})"
    bf16 = f"bf16 in hardware ({', '.join(here.bf16)})" if here.bf16 else "no bf16 in hardware known"
    data = {
        "name": here.name,
        "cores": here.cores,
        "logical": here.logical,
        "quota": here.quota,
        "bf16": list(here.bf16),
    }
    return Fact("cpu", f"{here.name}, {cores}, {bf16}", "ok", data)


def _gpu(name: str, found: Gpu | gpu.Unusable) -> Fact:
    if isinstance(found, gpu.Unusable):
        return _unusable(name, found)
    capability = f"{found.capability[0]}.{found.capability[1]}"
    text = f"{found.name}, {found.memory / 2**30:.0f} GiB, compute capability {capability}, passed a small test"
    data = {"name": found.name, "memory": found.memory, "capability": capability, "usable": True}
    return Fact(name, text, "ok", data)


def _unusable(name: str, why: gpu.Unusable) -> Fact:
    text, data = f"not used: {why.message}", {"usable": False, "reason": why.message}
    if gpu.nvidia_signs():
        return Fact(name, text, "note", data, why.hint)
    return Fact(name, text, "info", data)  # a machine without a GPU lacks nothing that could be put right


def _chosen(chosen: Device | DeviceError) -> Fact:
    if isinstance(chosen, DeviceError):
        return Fact.problem("device", chosen)
    threads = f"{chosen.threads} thread{'s' if chosen.threads != 1 else ''}"
    precisions = " or ".join(chosen.precisions)
    if len(chosen.precisions) > 1:
        precisions += ", the first that a network passes its self-check in"
        if chosen.kind == "cpu":
            precisions += " and is faster with"
    text = f"{chosen.name} ({chosen.title}), {threads}; {precisions}"
    data = {
        "name": chosen.name,
        "title": chosen.title,
        "precisions": list(chosen.precisions),
        "threads": chosen.threads,
        "asked": chosen.asked,
        "note": chosen.note,
    }
    if chosen.note:
        return Fact("device", f"{text}; {chosen.note}", "note", data)
    return Fact("device", text, "ok", data)
