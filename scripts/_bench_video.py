"""Face swaps of a video in 720p, from file to file, beside what the network alone takes."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench_faces import _hopper
from _bench_frame import Benchmark, Case, Group
from _bench_lipsync import copied
from _bench_lipsync_clip import moving_portrait
from _bench_replicas import replicas, store_replicas
from _bench_work import floating_point_operations
from _bench_yardsticks import matrix_product

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _bench_frame import Fact

    from facefusion_cli.core.faceswap.inswapper.generator import Generator
    from facefusion_cli.core.faceswap.loaded import Loaded
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["VIDEO", "video_groups"]

_SECONDS = 6.0
_CROPS = 64
"""Of one run of the network alone: it is to meet as many slow moments of the machine as the whole does."""
_STAGES = ("looking", "swapping", "joining")
_BASELINE = "read and write the frames, nothing else"
_REMARK = """1 / ratio of everything: what it reaches of the network's own rate, at one crop of 128 a frame
the embedded detector stands in for det_10g; all else runs as from the command"""


def _video(_folder: Path | None) -> Iterator[Group]:
    with replicas("inswapper_128.onnx", "w600k_r50.onnx") as folder:
        files = {path.stem: path for path in folder.iterdir()}
        yield from video_groups(files, 1280, 720, _SECONDS)


def video_groups(files: Mapping[str, Path], width: int, height: int, seconds: float) -> Iterator[Group]:
    """Swaps of a clip of that size by inswapper, with networks of random weights, and by the embedded engine.

    ``files``: networks by their names in the catalog of weights.
    """
    from facefusion_cli.core.media.video.probe import probe

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FACEFUSION_HOME"] = str(folder / "home")
        store_replicas(files)
        video = probe(moving_portrait(folder / "clip.mp4", width, height, seconds))
        of = f"{width} x {height}, {video.frames} frames"
        yield _inswapper(video, of, folder, files["inswapper_128"])
        whole = _Whole(_loaded("mesh"), video, folder / "out.mp4")
        copy = Case(_BASELINE, partial(copied, video, folder / "copy.mp4"), video.frames)
        yield Group(f"the embedded engine: {of}", [copy, whole.case()])


def _inswapper(video: Video, of: str, folder: Path, model: Path) -> Group:
    import onnx

    from facefusion_cli.core.faceswap.inswapper.generator import Generator

    loaded = _loaded("inswapper")
    file, network = loaded.tools.open("inswapper_128")
    verdict, device = network.verdict, loaded.tools.device
    product = matrix_product(verdict.precision, device)
    shapes = {"target": (1, 3, 128, 128), "source": (1, 512)}
    work = floating_point_operations(onnx.load(model, load_external_data=False), shapes)
    whole = _Whole(loaded, video, folder / "out.mp4")
    cases = [
        Case(
            "the network alone",
            partial(_generate, Generator(file, network)),
            _CROPS,
            work=_CROPS * work,
            yardstick=product.name,
        ),
        whole.case(work=video.frames * work, yardstick=product.name),
        Case(_BASELINE, partial(copied, video, folder / "copy.mp4"), video.frames),
        product,
    ]
    return Group(f"inswapper, {verdict.backend} in {verdict.precision} on {verdict.device}: {of}", cases, _REMARK)


def _generate(generator: Generator) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (_CROPS, 128, 128, 3), dtype=np.uint8)
    latents = rng.standard_normal((_CROPS, 512), np.float32)
    generator.run(crops, latents / np.linalg.norm(latents, axis=1, keepdims=True))


def _loaded(engine: str) -> Loaded:
    """Everything for swaps by an engine, at one crop of 128 pixels a face."""
    from facefusion_cli.core.faces.finder import shared_analyser
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.engine import SwapSettings, candidate
    from facefusion_cli.core.faceswap.loaded import Portraits, load
    from facefusion_cli.core.faceswap.options import SwapOptions
    from facefusion_cli.core.memory import limit_heaps
    from facefusion_cli.core.weights.provision import Provision

    limit_heaps()  # as every run does
    entry = replace(candidate(engine), finder=lambda _: shared_analyser())
    options = SwapOptions(engine, settings=SwapSettings(boost=1 if engine == "inswapper" else 0))
    return load(entry, Tools(Provision()), Portraits.read(_hopper(), options), options)


class _Whole:
    """A swap from file to file."""

    def __init__(self, loaded: Loaded, video: Video, output: Path) -> None:
        self._loaded, self._video, self._output = loaded, video, output
        self._facts: dict[str, Fact] = {"fps": 0.0}

    def case(self, **limits: Any) -> Case:
        """The whole, with what is known of its quickest turn."""
        return Case("everything", self._run, self._video.frames, facts=self._facts, **limits)

    def _run(self) -> None:
        from facefusion_cli.core.faceswap.video.job import swap_video
        from facefusion_cli.core.lipsync.clockwork import Clockwork
        from facefusion_cli.core.media.naming import Target
        from facefusion_cli.core.media.outputs import plan_outputs
        from facefusion_cli.core.media.video.watcher import SILENT

        (planned,) = plan_outputs([Target(self._video.path, "video")], str(self._output))
        times = Clockwork(SILENT)
        began = time.perf_counter()
        result = swap_video(self._loaded, planned, times, (), {})
        seconds = time.perf_counter() - began
        assert result.video is not None
        if result.video.swapped < result.video.frames:
            raise SystemExit("error: not every frame of the clip to measure with was swapped.")
        fps = self._video.frames / seconds
        if fps > float(self._facts["fps"]):
            self._facts["fps"] = fps
            spent = times.spent
            for stage in _STAGES:
                self._facts[f"{stage}_ms"] = 1000 * spent[stage] / self._video.frames


VIDEO = Benchmark("face swaps of a moving portrait in 720p, from file to file", 3, _video, warm_up=False)
