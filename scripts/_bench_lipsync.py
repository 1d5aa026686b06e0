"""Lip syncs from file to file: how fast they are, what takes how much of that, and what they need of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bench_frame import Benchmark, Case, Group, processor_seconds
from _bench_lipsync_clip import moving_portrait, still_portrait, voice
from _bench_lipsync_run import generator, mouth, sync, wav2lip, write_checkpoint
from _bench_work import floating_point_operations
from _bench_yardsticks import matrix_product
from _replica_wav2lip import TRUE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from _bench_frame import Fact
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.loaded import Loaded
    from facefusion_cli.core.media.video.probe import Video

    Frame = NDArray[np.uint8]

__all__ = ["LIPSYNC", "LIPSYNC_MEMORY", "copied", "memory_groups", "speed_groups"]

_SECONDS = 20.0
"""What is done once a video, half a second to a second, weighs little then, as it does as a rule."""
_MINUTES = (1, 10)
_SLOW_FPS = 10
"""Of the clips that memory is measured with: it depends on the number of frames, and they take long."""
_BATCH = 16
"""What the generator takes at a time."""
_FEW, _STRETCH = 64, 250
"""Frames that a part of the work is measured with, and those of a stretch of the clip: with each, looking begins anew,
and that takes more than to go on."""
_BASELINE = "read and write the frames, nothing else"
_REMARK = "share: least processor time of a frame over that of everything; fps: in the quickest turn"


def speed_groups(width: int, height: int, seconds: float, channels: int) -> Iterator[Group]:
    """Lip syncs of a clip of that size, by a network of so many channels and by the embedded engine."""
    from facefusion_cli.core.device import select_device
    from facefusion_cli.core.media.video.probe import probe

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FACEFUSION_HOME"] = str(folder / "home")  # verdicts on random weights are nobody's business
        clip = moving_portrait(folder / "clip.mp4", width, height, seconds)
        sound = voice(folder / "voice.wav", seconds)
        checkpoint = write_checkpoint(folder / "wav2lip.safetensors", channels)
        video = probe(clip)
        of = f"{width} x {height}, {video.frames} frames"
        runs = set()
        for precision in ("auto", "fp32"):
            device = select_device(precision=precision)
            network, verdict = generator(checkpoint, device)
            run_by = f"{verdict.backend} in {verdict.precision} on {verdict.device}"
            if run_by in runs:  # nothing else is possible here
                continue
            runs.add(run_by)
            product = matrix_product(verdict.precision, device)
            limit = {"work": _generator_work(checkpoint), "yardstick": product.name}
            whole = _Whole(wav2lip(network), video, sound, folder)
            parts = _Parts(whole, video, sound, folder)
            cases = [
                whole.baseline(),
                whole.case(),
                parts.case("read the frames, twice", parts.read, video.frames),
                parts.case("look for faces and follow them", parts.look, parts.stretch),
                parts.case("generator", partial(_generate, network), _BATCH, **limit),
                parts.case("cut out, lay back in", parts.paste),
                parts.case("write the frames", parts.write),
                product,
            ]
            yield Group(f"Wav2Lip, {run_by}: {of}", cases, _REMARK)
        whole = _Whole(mouth(), video, sound, folder)
        yield Group(f"the embedded engine: {of}", [whole.baseline(), whole.case()], _REMARK)


def memory_groups(width: int, height: int, seconds: Sequence[int], channels: int) -> Iterator[Group]:
    """The peaks of processes that make lip syncs of clips of those lengths."""
    from facefusion_cli.core.device import select_device

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FACEFUSION_HOME"] = str(folder / "home")
        checkpoint = write_checkpoint(folder / "wav2lip.safetensors", channels)
        generator(checkpoint, select_device())  # what runs it is found out now, not in the first of the processes
        inputs = {}
        for length in seconds:
            clip = still_portrait(folder / f"{length}.mp4", width, height, length, _SLOW_FPS)
            inputs[length] = clip, voice(folder / f"{length}.wav", length)
        for engine, weights in (("Wav2Lip", [checkpoint]), ("the embedded engine", [])):
            first: list[float] = []
            cases = []
            for length, (clip, sound) in inputs.items():
                facts: dict[str, Fact] = {}
                run = partial(_peak, [clip, sound, folder / "out.mp4", *weights], first, facts)
                cases.append(Case(f"{length / 60:g} min", run, items=length * _SLOW_FPS, facts=facts))
            yield Group(f"{engine}: {width} x {height}", cases, "peak_mib: of the process, without ffmpeg's")


def _peak(arguments: Sequence[Path], first: list[float], facts: dict[str, Fact]) -> None:
    program = Path(__file__).with_name("_bench_lipsync_run.py")
    answer = subprocess.run([sys.executable, program, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    peak = json.loads(answer.stdout)["peak_memory"] / 2**20
    first.append(peak)
    facts["peak_mib"], facts["of_first"] = peak, peak / first[0]


class _Whole:
    """A lip sync from file to file."""

    def __init__(self, loaded: Loaded, video: Video, sound: Path, folder: Path) -> None:
        self.loaded = loaded
        self.least = float("inf")
        """Processor seconds a frame in the turn that took least of them."""
        self._video, self._sound, self._folder = video, sound, folder
        self._facts: dict[str, Fact] = {"fps": 0.0}

    def baseline(self) -> Case:
        """All that is done of it without a face."""
        return Case(_BASELINE, partial(copied, self._video, self._folder / "copy.mp4"), self._video.frames)

    def case(self) -> Case:
        """The whole, with what is known of its turns."""
        return Case("everything", self._run, self._video.frames, facts=self._facts)

    def _run(self) -> None:
        began = processor_seconds()
        result = sync(self.loaded, self._video.path, self._sound, self._folder / "out.mp4")
        self.least = min(self.least, (processor_seconds() - began) / result.frames)
        fps = result.frames / result.seconds
        if fps > float(self._facts["fps"]):
            self._facts["fps"] = fps
            for stage in ("looking", "speaking", "joining"):
                self._facts[f"{stage}_ms"] = 1000 * result.stages[stage] / result.frames
        if not result.spoken:
            raise SystemExit("error: nobody speaks in the clip to measure with.")


class _Parts:
    """What a lip sync consists of, each by itself on frames in memory."""

    def __init__(self, whole: _Whole, video: Video, sound: Path, folder: Path) -> None:
        from facefusion_cli.core.faces.mesh import FaceMesh
        from facefusion_cli.core.faces.tracking.observations import save
        from facefusion_cli.core.faces.tracking.tracks import Tracks
        from facefusion_cli.core.lipsync.listening import listen
        from facefusion_cli.core.media.video.encoders import encoder_for
        from facefusion_cli.core.media.video.layout import Bgr, layout_of
        from facefusion_cli.core.media.video.reader import FrameReader

        self._whole, self._video, self._folder = whole, video, folder
        self._mesh = FaceMesh()
        self._layouts = Bgr(video, quick=True), layout_of(video, encoder_for("h264"))
        looked_at = FrameReader(video, 0, _STRETCH, layout=self._layouts[0])
        painted_on = FrameReader(video, 0, _FEW, layout=self._layouts[1])
        with looked_at, painted_on:
            self._frames, self._rendered = list(looked_at), list(painted_on)
        seen, self._mel = folder / "some.seen", folder / "sound.mel"
        save(self._seen(), seen)
        self._faces = [next(iter(faces.values())) for faces in Tracks([seen], video.fps).faces(0, len(self._rendered))]
        listen(sound, self._mel, lambda _: None)

    @property
    def stretch(self) -> int:
        """How many frames are looked at."""
        return len(self._frames)

    def case(self, name: str, run: Callable[[], object], items: int = 0, **limit: Any) -> Case:
        """A part, with its share of the whole; ``items``: frames in it, by default those painted on."""
        items = items or len(self._rendered)
        facts: dict[str, Fact] = {}
        least = float("inf")

        def timed() -> None:
            nonlocal least
            began = processor_seconds()
            run()
            least = min(least, (processor_seconds() - began) / items)
            facts["share"] = f"{least / self._whole.least:.0%}"

        return Case(name, timed, items, facts=facts, **limit)

    def read(self) -> None:
        """As looking and speaking do."""
        from facefusion_cli.core.media.video.reader import FrameReader

        for layout in self._layouts:
            with FrameReader(self._video, layout=layout) as reader:
                for _frame in reader:
                    pass

    def look(self) -> None:
        """Every frame of a stretch."""
        for _ in self._seen():
            pass

    def paste(self) -> None:
        """All that the engine does but the network."""
        from facefusion_cli.core.lipsync.engine import SpeechTask, SyncSettings
        from facefusion_cli.core.lipsync.options import Pads
        from facefusion_cli.core.lipsync.speech import Voice
        from facefusion_cli.core.lipsync.wav2lip.engine import Wav2Lip

        engine, layout = Wav2Lip("wav2lip", _Darker(), SyncSettings(Pads())), self._layouts[1]
        with Voice(self._mel, self._video.fps) as heard:
            for first in range(0, len(self._rendered), engine.batch):
                numbers = range(first, min(len(self._rendered), first + engine.batch))
                faces = [self._faces[one] for one in numbers]
                views = [
                    layout.view(self._rendered[one].copy(), engine.bounds(face))
                    for one, face in zip(numbers, faces, strict=True)
                ]
                tasks = [
                    SpeechTask(view.picture, face.moved(-view.x, -view.y), heard.speech(one))
                    for one, view, face in zip(numbers, views, faces, strict=True)
                ]
                for view, patches in zip(views, engine.speak(tasks), strict=True):
                    view.paint(patches)

    def write(self) -> None:
        """As they were read."""
        from facefusion_cli.core.media.video.encoders import EncodeOptions
        from facefusion_cli.core.media.video.writer import FrameWriter

        with FrameWriter(self._folder / "some.mp4", self._video, EncodeOptions(), self._layouts[1]) as writer:
            for frame in self._rendered:
                writer.write(frame)
            writer.close()

    def _seen(self) -> Iterator[Any]:
        from facefusion_cli.core.faces.tracking.observer import observe

        return observe(iter(self._frames), self._whole.loaded.finder, self._mesh, self._video.fps)


class _Darker:
    """In the place of the network: its answer costs nothing, and differs from what it was given."""

    def run(self, mel: NDArray[np.float32], faces: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ARG002
        """The faces, a little darker."""
        return faces[:, 3:] * faces.dtype.type(0.9)


def _generate(network: Any) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    mel, faces = rng.normal(size=(_BATCH, 1, 80, 16)), rng.random((_BATCH, 6, 96, 96), np.float32)
    network.run(mel.astype(np.float32), faces)


def _generator_work(checkpoint: Path) -> float:
    """Floating-point operations of one batch."""
    import onnx

    from facefusion_cli.core.lipsync.wav2lip.graph import FACES, MEL, to_graph

    shapes = {MEL: (_BATCH, 1, 80, 16), FACES: (_BATCH, 6, 96, 96)}
    return floating_point_operations(onnx.load_from_string(to_graph(checkpoint)), shapes)


def copied(video: Video, path: Path) -> None:
    """Read the frames and write them, as the work on a video does."""
    from facefusion_cli.core.media.stream import run_stream
    from facefusion_cli.core.media.video.encoders import EncodeOptions, encoder_for
    from facefusion_cli.core.media.video.layout import layout_of
    from facefusion_cli.core.media.video.reader import FrameReader
    from facefusion_cli.core.media.video.writer import FrameWriter

    layout = layout_of(video, encoder_for("h264"))
    with (
        FrameReader(video, layout=layout) as reader,
        FrameWriter(path, video, EncodeOptions(), layout) as writer,
    ):
        run_stream(reader, lambda frames: frames, writer.write)
        writer.close()


LIPSYNC = Benchmark(
    "lip syncs of a moving portrait in 720p, from file to file",
    3,
    lambda _: speed_groups(1280, 720, _SECONDS, TRUE_WIDTH),
)
LIPSYNC_MEMORY = Benchmark(
    "what lip syncs of 1080p need of memory, at 1 and at 10 minutes",
    1,
    lambda _: memory_groups(1920, 1080, [60 * minutes for minutes in _MINUTES], TRUE_WIDTH),
    warm_up=False,
    alone=True,
)
