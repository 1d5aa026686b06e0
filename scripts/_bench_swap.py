"""Swapping faces in pictures in memory, detection apart: inswapper on each maker of sessions, and the mesh engine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_faces import _astronaut, _hopper, _with_face_of, _yardstick
from _bench_frame import Benchmark, Case, Group
from _bench_inference import backends
from _bench_replicas import replicas
from _bench_work import floating_point_operations
from _bench_yardsticks import matrix_product

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from _bench_inference import Backend

    from facefusion_cli.core.faceswap.engine import Task
    from facefusion_cli.core.faceswap.inswapper.generator import Generator
    from facefusion_cli.core.faceswap.inswapper.latent import Latent

__all__ = ["SWAP", "inswapper_group"]

_REPLICA = "inswapper_128.onnx"
_FACES = 4
"""As many as a video gives to the engine at once."""
_WIDE = 150
"""Pixels: such a face is one crop of 128."""


def _swap(_folder: Path | None) -> Iterator[Group]:
    with _one_thread():  # first, since libraries look at that when they are loaded
        yield _mesh_group()
    with replicas(_REPLICA) as folder:
        yield inswapper_group(folder / _REPLICA)


@contextmanager
def _one_thread() -> Iterator[None]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)
    for name, value in before.items():
        del os.environ[name]
        if value is not None:
            os.environ[name] = value


def inswapper_group(model: Path) -> Group:
    """A network of random weights with the contract of inswapper_128: alone, and with all that is done around it."""
    import onnx

    from facefusion_cli.core.device import select_device

    device = select_device()
    shapes = {"target": (1, 3, 128, 128), "source": (1, 512)}
    work = _FACES * floating_point_operations(onnx.load(model, load_external_data=False), shapes)
    tasks = _tasks()
    cases: list[Case] = []
    products: dict[str, Case] = {}
    for backend in backends(model, device):
        products.setdefault(backend.precision, matrix_product(backend.precision, device))
        generator = _generator(model, backend, device.name)
        measure = partial(_case, work=work, product=products[backend.precision])
        cases.append(measure(f"{backend.name}: the network", partial(_generate, generator)))
        cases.append(measure(f"{backend.name}: all of a swap", partial(_swapped, generator, tasks)))
    title = f"{model.name}, {_FACES} faces of {_WIDE} px in 1280 x 720, on {device.title}, threads: {device.threads}"
    return Group(title, [*cases, *products.values()])


def _case(name: str, run: partial[Any], *, work: float, product: Case) -> Case:
    return Case(name, run, items=_FACES, work=work, yardstick=product.name)


def _generator(model: Path, backend: Backend, device: str) -> Generator:
    from facefusion_cli.core.faceswap.inswapper.generator import Generator
    from facefusion_cli.core.inference.network import Network
    from facefusion_cli.core.inference.verdicts import Verdict

    verdict = Verdict(backend.maker, device, backend.precision, batched=backend.maker == "torch", reason="is measured")
    return Generator(model, Network(backend.session, verdict))


def _generate(generator: Generator) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (_FACES, 128, 128, 3), dtype=np.uint8)
    generator.run(crops, np.repeat(_someone().vector[None], _FACES, axis=0))


def _swapped(generator: Generator, tasks: Sequence[Task[Latent]]) -> None:
    """Cut out, network, paste, lay into the frame."""
    import numpy as np

    from facefusion_cli.core.faceswap.engine import SwapSettings
    from facefusion_cli.core.faceswap.inswapper.engine import InSwapper
    from facefusion_cli.core.media.composite import paste_into

    engine = InSwapper(generator, np.zeros((512, 512), np.float32), SwapSettings(), _nobody)
    for task, patch in zip(tasks, engine.swap(tasks), strict=True):
        assert patch is not None
        paste_into(task.picture.copy(), [patch])


def _nobody() -> Any:
    raise AssertionError("a face without an embedding")


def _someone() -> Latent:
    import numpy as np

    from facefusion_cli.core.faceswap.inswapper.latent import Latent

    vector = np.random.default_rng(1).standard_normal(512, np.float32)
    return Latent(vector / np.linalg.norm(vector), 200.0)


def _tasks() -> list[Task[Latent]]:
    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.faceswap.engine import Task

    analyser, portrait = FaceAnalyser(), _astronaut()
    (portrait_face,) = analyser.find(portrait)
    picture = _with_face_of(_WIDE, portrait, portrait_face, 1280, 720)
    (face,) = analyser.find(picture)
    return [Task(picture, face, _someone())] * _FACES


def _mesh_group() -> Group:
    """The mesh engine's steps."""
    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper
    from facefusion_cli.core.media.composite import composite
    from facefusion_cli.core.media.images import picture_from_array

    cases = [_yardstick()]
    analyser, engine = FaceAnalyser(), MeshSwapper(SwapSettings())
    source, portrait = _hopper(), _astronaut()
    (source_face,), (portrait_face,) = analyser.find(source), analyser.find(portrait)
    sources = [Source(source, source_face)]
    identity = engine.prepare(sources)
    size_px = f"{source_face.size:.0f} px"
    cases.append(Case(f"prepare a source face of {size_px}", partial(engine.prepare, sources)))
    for size, (width, height) in {107: (512, 512), 225: (1920, 1080), 500: (1920, 1080)}.items():
        picture = _with_face_of(size, portrait, portrait_face, width, height)
        (face,) = analyser.find(picture)
        where = f"face of {face.size:.0f} px in {width} x {height}"
        tasks = [Task(picture, face, identity)]
        cases.append(Case(f"swap a {where}", partial(engine.swap, tasks)))
        patches = [patch for patch in engine.swap(tasks) if patch is not None]
        whole = picture_from_array(picture, Path("picture"))
        cases.append(Case(f"composite a {where}", partial(composite, whole, patches)))
    return Group("the embedded engine's steps, on one thread", cases)


SWAP = Benchmark("the steps of a swap in memory, detection apart", 9, _swap)
