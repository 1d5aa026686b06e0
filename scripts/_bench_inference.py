"""The networks of a folder on each maker of sessions, beside plain matrix products."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group
from _bench_work import floating_point_operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _bench_frame import Fact

    from facefusion_cli.core.device import Device, Precision
    from facefusion_cli.core.inference.self_check import Sample
    from facefusion_cli.core.inference.session import Session

__all__ = ["INFERENCE"]

_BATCHES = (1, 4, 16)
_MOST_WORK = 2e12
"""Operations of one run: larger batches of large networks take long and tell nothing more."""
_SIDE = 2048
"""Of the matrices that are multiplied: large enough for the processor to reach its pace."""
_PRODUCTS = 4
"""In one run, so that bringing the numbers in and out counts for little."""


def _inference(folder: Path | None) -> Iterator[Group]:
    from facefusion_cli.core.device import select_device

    assert folder is not None
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
    from facefusion_cli.core.inference.onnx_runtime import open_session
    from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError, open_torch_graph

    baseline, facts = _opened(lambda: open_session(model, device.threads))
    shapes = {name: array.shape for name, array in self_check.samples(baseline, 1)[0].feeds.items()}
    work = floating_point_operations(onnx.load(model, load_external_data=False), shapes)
    counts = [count for count in _BATCHES if count == 1 or count * work <= _MOST_WORK]
    samples = self_check.samples(baseline, counts[-1])
    batches = [_stacked(samples[:count]) for count in counts] if self_check.one_output_each(samples) else samples[:1]

    precisions: list[Precision] = list(dict.fromkeys(("fp32", *reversed(device.precisions))))
    products = {precision: _matrix_product(precision, device) for precision in precisions}
    free = all(not isinstance(info.shape[0], int) for info in baseline.get_inputs())
    yield from _of("onnxruntime fp32", baseline, batches if free else batches[:1], work, products["fp32"], facts)
    for precision in precisions:
        name = f"torch {precision}"
        make = partial(open_torch_graph, model, device=device.name, precision=precision, threads=device.threads)
        try:
            session, facts = _opened(make)
        except UnsupportedGraphError as error:
            print(f"{model.name}: {name} is left out: {error}", file=sys.stderr)
            continue
        batched = len(batches) > 1 and self_check.batches_freely(session, samples[:2], precision)
        yield from _of(name, session, batches if batched else batches[:1], work, products[precision], facts)
    yield from products.values()


def _of(
    name: str, session: Session, batches: list[Sample], work: float, product: Case, facts: dict[str, Fact]
) -> Iterator[Case]:
    """A session with each of the batches."""
    from facefusion_cli.core.inference import self_check

    for batch in batches:
        count = len(next(iter(batch.feeds.values())))
        yield Case(
            name if count == 1 else f"{name}, {count} at once",
            partial(session.run, None, batch.feeds),
            items=count,
            work=count * work,
            yardstick=product.name,
            facts={"off_by": self_check.compare(session, [batch]).peak, **facts},
        )
        facts = {}  # told once for each session


def _stacked(samples: list[Sample]) -> Sample:
    import numpy as np

    from facefusion_cli.core.inference.self_check import Sample

    return Sample(
        {name: np.concatenate([sample.feeds[name] for sample in samples]) for name in samples[0].feeds},
        [np.concatenate(outputs) for outputs in zip(*(sample.outputs for sample in samples), strict=True)],
    )


def _opened(make: Callable[[], Session]) -> tuple[Session, dict[str, Fact]]:
    """A session, and how long it took to open."""
    start = time.perf_counter()
    session = make()
    return session, {"load_s": time.perf_counter() - start}


def _matrix_product(precision: Precision, device: Device) -> Case:
    """About the most the machine can do in a precision: convolutions are matrix products, with moves around them.

    A little more is possible: some convolutions are done with fewer multiplications than are counted (Winograd). It is
    a graph as well, so that it runs where graphs run: torch that computes on a second thread would slow down the first.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from facefusion_cli.core.inference.torch_graph import open_torch_graph

    shape = [_SIDE, _SIDE]
    factors = np.random.default_rng(0).standard_normal((2, *shape), np.float32) / np.float32(_SIDE**0.5)
    names = ["x", *(f"x{index}" for index in range(1, _PRODUCTS)), "y"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [one, "factor"], [other]) for one, other in pairwise(names)],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(factors[0], "factor")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    session = open_torch_graph(model, device=device.name, precision=precision, threads=device.threads)
    return Case(
        f"product of {_SIDE} x {_SIDE}, {precision}",
        partial(session.run, None, {"x": factors[1]}),
        items=_PRODUCTS,
        work=2.0 * _PRODUCTS * _SIDE**3,
    )


INFERENCE = Benchmark("networks on onnxruntime and on torch", 7, _inference, takes_folder=True)
