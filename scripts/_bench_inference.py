"""The networks of a folder on each maker of sessions, beside plain matrix products."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group
from _bench_replicas import replicas
from _bench_work import floating_point_operations
from _bench_yardsticks import matrix_product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _bench_frame import Fact

    from facefusion_cli.core.device import Device, Precision
    from facefusion_cli.core.inference.self_check import Sample
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.inference.verdicts import Backend as Maker

__all__ = ["INFERENCE", "Backend", "backends"]

_BATCHES = (1, 4, 16)
_MOST_WORK = 2e12
"""Operations of one run: larger batches of large networks take long and tell nothing more."""


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """A network as one of the makers of sessions opened it."""

    maker: Maker
    precision: Precision
    session: Session
    load_s: float

    @property
    def name(self) -> str:
        """As in "torch bf16"."""
        return f"{self.maker} {self.precision}"


def backends(model: Path, device: Device) -> Iterator[Backend]:
    """onnxruntime, then torch in each of the device's precisions, where it can run the network at all."""
    from facefusion_cli.core.inference.onnx_runtime import open_session
    from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError, open_torch_graph

    yield _opened("onnxruntime", "fp32", partial(open_session, model, device.threads))
    precisions: list[Precision] = list(dict.fromkeys(("fp32", *reversed(device.precisions))))
    for precision in precisions:
        make = partial(open_torch_graph, model, device=device.name, precision=precision, threads=device.threads)
        try:
            yield _opened("torch", precision, make)
        except UnsupportedGraphError as error:
            print(f"{model.name}: torch {precision} is left out: {error}", file=sys.stderr)


def _opened(maker: Maker, precision: Precision, make: Callable[[], Session]) -> Backend:
    start = time.perf_counter()
    session = make()
    return Backend(maker, precision, session, time.perf_counter() - start)


def _inference(folder: Path | None) -> Iterator[Group]:
    if folder is not None:
        yield from _groups(folder)
        return
    with replicas("inswapper_128.onnx", "w600k_r50.onnx", "wav2lip.onnx") as made:
        yield from _groups(made)


def _groups(folder: Path) -> Iterator[Group]:
    from facefusion_cli.core.device import select_device

    models = sorted(folder.glob("*.onnx"))
    if not models:
        make = f'"python scripts/make_replica_weights.py {folder}"'
        raise SystemExit(f'error: there is no network (*.onnx) in "{folder}"; {make} writes some.')
    device = select_device()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FACEFUSION_HOME"] = home  # nothing is known beforehand, and nothing is remembered
        for model in models:
            choice = _choice(model, device)
            gc.collect()
            title = f"{model.name} on {device.title}, threads: {device.threads}"
            yield Group(title, list(_cases(model, device)), choice)
            gc.collect()


def _choice(model: Path, device: Device) -> str:
    """What the project itself would run it with."""
    from facefusion_cli.core.inference.network import open_network

    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    start = time.perf_counter()
    verdict = open_network(model, device, sha256=sha256).verdict
    seconds = time.perf_counter() - start
    return (
        f"chosen after {seconds:.0f} s: {verdict.backend} in {verdict.precision} on {verdict.device}, "
        f"{'batched' if verdict.batched else 'not batched'} ({verdict.reason})"
    )


def _cases(model: Path, device: Device) -> Iterator[Case]:
    import onnx

    from facefusion_cli.core.inference import self_check

    baseline, *others = backends(model, device)
    shapes = {name: array.shape for name, array in self_check.samples(baseline.session, 1)[0].feeds.items()}
    work = floating_point_operations(onnx.load(model, load_external_data=False), shapes)
    counts = [count for count in _BATCHES if count == 1 or count * work <= _MOST_WORK]
    samples = self_check.samples(baseline.session, counts[-1])
    batches = [_stacked(samples[:count]) for count in counts] if self_check.one_output_each(samples) else samples[:1]

    used: list[Precision] = list(dict.fromkeys(one.precision for one in (baseline, *others)))
    products = {precision: matrix_product(precision, device) for precision in used}
    free = all(not isinstance(info.shape[0], int) for info in baseline.session.get_inputs())
    yield from _of(baseline, batches if free else batches[:1], work, products["fp32"])
    for one in others:
        batched = len(batches) > 1 and self_check.batches_freely(one.session, samples[:2], one.precision)
        yield from _of(one, batches if batched else batches[:1], work, products[one.precision])
    yield from products.values()


def _of(backend: Backend, batches: list[Sample], work: float, product: Case) -> Iterator[Case]:
    """A session with each of the batches."""
    from facefusion_cli.core.inference import self_check

    facts: dict[str, Fact] = {"load_s": backend.load_s}
    for batch in batches:
        count = len(next(iter(batch.feeds.values())))
        yield Case(
            backend.name if count == 1 else f"{backend.name}, {count} at once",
            partial(backend.session.run, None, batch.feeds),
            items=count,
            work=count * work,
            yardstick=product.name,
            facts={"off_by": self_check.compare(backend.session, [batch]).peak, **facts},
        )
        facts = {}  # told once for each session


def _stacked(samples: list[Sample]) -> Sample:
    import numpy as np

    from facefusion_cli.core.inference.self_check import Sample

    return Sample(
        {name: np.concatenate([sample.feeds[name] for sample in samples]) for name in samples[0].feeds},
        [np.concatenate(outputs) for outputs in zip(*(sample.outputs for sample in samples), strict=True)],
    )


INFERENCE = Benchmark("networks on onnxruntime and on torch", 7, _inference, takes_folder=True)
