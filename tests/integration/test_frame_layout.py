"""Frames as planes: what is not painted on goes from decoder to encoder as it is, and what is looks as in BGR."""

from __future__ import annotations

import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
from facefusion_cli.core.faceswap.inswapper.emap import read_emap
from facefusion_cli.core.faceswap.inswapper.engine import InSwapper
from facefusion_cli.core.faceswap.inswapper.generator import Generator
from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper
from facefusion_cli.core.inference.network import Network
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.core.lipsync.engine import LipSyncer, Speech, SpeechTask, SyncSettings
from facefusion_cli.core.lipsync.mouth.engine import MouthWarper
from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.core.lipsync.wav2lip.engine import Wav2Lip
from facefusion_cli.core.media.bounds import common, together
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.core.media.video.encoders import EncodeOptions, encoder_for
from facefusion_cli.core.media.video.layout import Bgr, Planes, layout_of
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.video.writer import FrameWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.video.layout import Layout
    from facefusion_cli.core.media.video.probe import Video

    Clip = Callable[..., Path]
    Frame = NDArray[np.uint8]

SCRIPTS = Path(__file__).parents[2] / "scripts"
H264 = encoder_for("h264")


def read(video: Video, layout: Layout | None = None) -> list[Frame]:
    with FrameReader(video, layout=layout) as reader:
        return list(reader)


def planes_of(video: Video) -> Planes:
    layout = layout_of(video, H264)
    assert isinstance(layout, Planes)
    return layout


@pytest.fixture(scope="module")
def photo(astronaut: Path) -> list[Frame]:
    """Four frames in which a photograph moves."""
    picture = cv2.GaussianBlur(read_picture(astronaut).bgr, (0, 0), 1.0)
    return [np.ascontiguousarray(picture[20 : 20 + 366, 60 + 5 * move : 60 + 5 * move + 322]) for move in range(4)]


@pytest.mark.parametrize(
    ("options", "codec", "planes"),
    [
        ({}, "h264", True),
        ({}, "hevc", True),
        ({}, "vp9", True),
        ({}, "h264_qsv", True),
        ({"matrix": "bt709", "range_": "tv"}, "h264", True),
        ({"rotation": 90}, "h264", True),
        ({}, "prores", False),
        ({"size": (65, 48), "pixel_format": "yuv444p"}, "h264", False),
        ({"pixel_format": "yuv444p"}, "h264", False),
        ({"pixel_format": "yuv420p10le"}, "h264", False),
        ({"range_": "pc"}, "h264", False),
        ({"matrix": "smpte240m"}, "h264", False),
        ({"transfer": "smpte2084", "matrix": "bt2020nc", "primaries": "bt2020"}, "h264", False),
        ({"codec": "ffv1", "pixel_format": "bgr0", "suffix": ".mkv"}, "h264", False),
    ],
    ids=str,
)
def test_planes_where_both_sides_have_the_same(clip: Clip, options: dict[str, Any], codec: str, planes: bool) -> None:
    layout = layout_of(probe(clip(frames=3, **options)), encoder_for(codec))
    assert isinstance(layout, Planes if planes else Bgr)


@pytest.mark.parametrize("options", [{}, {"rotation": 90}, {"sar": "4/3"}, {"size": (98, 62)}], ids=str)
def test_numbers_go_through_as_they_are(clip: Clip, options: dict[str, Any], ffmpeg: str, tmp_path: Path) -> None:
    """Decoded, encoded without loss, and decoded by ffmpeg alone."""
    path = clip(frames=5, **options)
    video = probe(path)
    layout = planes_of(video)
    frames = read(video, layout)
    assert {frame.shape for frame in frames} == {(video.height * 3 // 2, video.width)}
    assert {frame.nbytes for frame in frames} == {layout.size}
    copy = tmp_path / "copy.mp4"
    with FrameWriter(copy, video, EncodeOptions(crf=0, preset="ultrafast"), layout) as writer:
        for frame in frames:
            writer.write(frame)
        writer.close()
    for file in (path, copy):
        raw = [ffmpeg, "-loglevel", "error", "-i", str(file), "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]
        decoded = np.frombuffer(subprocess.run(raw, check=True, capture_output=True).stdout, np.uint8)
        assert np.array_equal(decoded.reshape(5, *layout.shape), frames), file
    written = probe(copy)
    assert (written.sar, written.colour.range, written.pixel_format) == (video.sar, "tv", "yuv420p")
    assert written.colour.matrix == "smpte170m"


def test_a_frame_of_another_layout_is_not_written(clip: Clip, tmp_path: Path) -> None:
    video = probe(clip(frames=3))
    with (
        FrameWriter(tmp_path / "x.mp4", video, EncodeOptions(), planes_of(video)) as writer,
        pytest.raises(ValueError, match="another shape"),
    ):
        writer.write(read(video)[0])


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt470bg"])
def test_views_look_as_in_bgr(clip: Clip, photo: list[Frame], matrix: str) -> None:
    """Wherever they are cut out, the frame's edges included."""
    video = probe(clip(photo, matrix=matrix, extra=("-crf", "5")))
    layout = planes_of(video)
    height, width = video.height, video.width
    for planes, bgr in zip(read(video, layout), read(video), strict=True):
        whole = layout.view(planes, (0, 0, width, height))
        assert (whole.x, whole.y, whole.picture.shape) == (0, 0, bgr.shape)
        off = np.abs(whole.picture.astype(int) - bgr)
        assert off.mean() < 0.5
        assert np.percentile(off, 99) <= 2
        for bounds in (
            (-9.0, -7.5, 40.2, 33.3),
            (101, 57, 180, 201),
            (width - 31, height - 3.5, width + 8, height + 9),
        ):
            view = layout.view(planes, bounds)
            rows, columns = view.picture.shape[:2]
            assert view.x <= max(0, bounds[0]) <= min(width, bounds[2]) <= view.x + columns <= width
            assert view.y <= max(0, bounds[1]) <= min(height, bounds[3]) <= view.y + rows <= height
            part = whole.picture[view.y : view.y + rows, view.x : view.x + columns]
            assert np.array_equal(view.picture, part), bounds


@pytest.mark.parametrize("bounds", [(500, 80, 600, 95), (-80, -60, -20, -5), (10.2, 10.2, 10.3, 10.3), (math.nan,) * 4])
def test_views_are_never_empty(clip: Clip, bounds: tuple[float, float, float, float]) -> None:
    video = probe(clip(frames=3))
    view = planes_of(video).view(read(video, planes_of(video))[0], bounds)
    assert view.picture.shape == (2, 2, 3)


def rim(height: int, width: int) -> NDArray[np.float32]:
    """An alpha that is 1 inside and fades to 0 at its edge."""
    inside = np.zeros((height, width), np.float32)
    inside[8:-8, 8:-8] = 1
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), 2.5), np.float32)


@pytest.mark.parametrize("place", [(60, 80), (61, 81), (0, 0), (261, 285)])
def test_what_is_painted_is_seen_and_nothing_else_changes(
    clip: Clip, photo: list[Frame], place: tuple[int, int]
) -> None:
    video = probe(clip(photo, matrix="bt709"))
    layout = planes_of(video)
    frame = read(video, layout)[0]
    frame[50, 50], frame[51, 51] = 255, 0  # beyond what "tv" allows, which no way through BGR would keep
    before = frame.copy()
    x, y = place
    view = layout.view(frame, (x - 5, y - 5, x + 66, y + 90))
    shown = view.picture.copy()
    alpha = rim(81, 61)
    blurred = cv2.GaussianBlur(view.picture[y - view.y : y - view.y + 81, x - view.x : x - view.x + 61], (0, 0), 3)
    view.paint([Patch(x - view.x, y - view.y, np.asarray(blurred * 0.8 + 20, np.float32), alpha)])
    touched = np.zeros((video.height, video.width), bool)
    touched[y : y + 81, x : x + 61] = alpha > 1 / 510
    luma, *chroma = (now != then for now, then in zip(layout.planes(frame), layout.planes(before), strict=True))
    assert luma.any()
    assert not (luma & ~touched).any()
    coarse = touched.reshape(video.height // 2, 2, video.width // 2, 2).any(axis=(1, 3))
    for changed in chroma:
        assert changed.any()
        assert not (changed & ~coarse).any()
    wanted = shown.copy()
    wanted_patch = wanted[y - view.y : y - view.y + 81, x - view.x : x - view.x + 61]
    wanted_patch[...] = np.rint(wanted_patch + alpha[..., None] * (blurred * 0.8 + 20 - wanted_patch))
    assert np.abs(view.picture.astype(int) - wanted).max() <= 1
    got = layout.view(frame, (x - 5, y - 5, x + 66, y + 90)).picture
    off = np.abs(got.astype(int) - wanted)
    assert off.mean() < 1
    assert np.percentile(off, 99) <= 6  # chroma has half the detail


def test_nothing_shines_through_what_is_opaque(clip: Clip, photo: list[Frame]) -> None:
    """Neither what is brighter or darker than the range allows, which in BGR is cut off, nor colours that none has."""
    video = probe(clip(photo, matrix="bt709"))
    layout = planes_of(video)
    frame = read(video, layout)[0]
    luma, *chroma = layout.planes(frame)
    luma[40:60, 40:60], luma[40:60, 70:90], luma[70:90, 40:60] = 250, 3, 2
    for plane, level in zip(chroma, (220, 40), strict=True):
        plane[35:45, 20:30] = level
    before = frame.copy()
    alpha = np.zeros((70, 70), np.float32)
    alpha[5:-5, 5:-5], alpha[30:40, 5:-5] = 1, 0.5
    colour = np.full((70, 70, 3), (140, 160, 210), np.uint8)
    view = layout.view(frame, (20, 20, 140, 140))
    view.paint([Patch(12, 12, colour, alpha)])
    seen = layout.view(frame, (20, 20, 140, 140)).picture[12:82, 12:82]
    off = np.abs(seen[8:-8, 8:-8].astype(int) - colour[8:-8, 8:-8]).max(axis=2)
    assert off[:18].max() <= 2
    # Chroma that no colour has is seen at its edges.
    assert off[36:46].mean() < 4
    half = layout.planes(frame)[0][64:70, 40:60].astype(float)
    wanted = np.asarray(layout.planes(before)[0][64:70, 40:60], float) / 2
    assert np.abs(half - wanted - (16 + 219 / 255 * np.dot((140, 160, 210), (0.0722, 0.7152, 0.2126))) / 2).max() <= 1
    assert np.array_equal(layout.planes(frame)[0][:32], layout.planes(before)[0][:32])


def test_patches_of_one_frame_are_painted_one_after_the_other(clip: Clip, photo: list[Frame]) -> None:
    """Those that meet as one, in order, and others by themselves: as in BGR."""
    video = probe(clip(photo))
    layout = planes_of(video)
    frame = read(video, layout)[0]
    view = layout.view(frame, (0, 0, video.width, video.height))
    wanted = view.picture.copy()
    patches = [
        Patch(x, y, np.full((40, 50, 3), level, np.uint8), rim(40, 50))
        for x, y, level in ((20, 30, 50), (200, 200, 90), (50, 50, 200), (90, 60, 120), (270, 325, 10))
    ]
    view.paint(patches)
    paste_into(wanted, patches)
    assert np.array_equal(view.picture, wanted)
    got = layout.view(frame, (0, 0, video.width, video.height)).picture
    assert np.percentile(np.abs(got.astype(int) - wanted), 99.5) <= 3
    view.paint([])


def test_bounds_that_meet() -> None:
    alone, left, right, bridge = (0, 0, 9, 9), (20, 20, 40, 40), (60, 20, 80, 40), (38.5, 30, 62, 35)
    assert together([]) == []
    assert together([left, right, alone]) == [[0], [1], [2]]
    assert together([left, alone, right, bridge]) == [[1], [0, 2, 3]]
    assert together([left, (41, 41, 50, 50)]) == [[0, 1]]
    assert together([left, (43, 20, 50, 50)]) == [[0], [1]]
    # Between two that meet, and around both, may lie a third that touches neither.
    assert together([(0, 0, 10, 10), (90, 0, 100, 10), (8, 8, 92, 92), (40, 40, 50, 50)]) == [[0, 1, 2, 3]]
    assert common([left, alone, bridge]) == (0, 0, 62, 40)


def test_encoders_that_take_other_planes_get_the_same_numbers(clip: Clip, ffmpeg: str) -> None:
    video = probe(clip(frames=3))
    layout = planes_of(video)
    raw = np.concatenate([frame.reshape(-1) for frame in read(video, layout)])
    size = f"{video.width}x{video.height}"
    there = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-i", "pipe:0", "-vf", layout.encoded("nv12")]
    back = ["-f", "rawvideo", "-pix_fmt", "nv12", "pipe:1"]
    made = subprocess.run([ffmpeg, "-loglevel", "error", *there, *back], input=raw.tobytes(), stdout=-1, check=True)
    frames = np.frombuffer(made.stdout, np.uint8).reshape(3, -1)
    pixels = video.width * video.height
    for frame, one in zip(read(video, layout), frames, strict=True):
        luma, blue, red = layout.planes(frame)
        assert np.array_equal(one[:pixels], luma.reshape(-1))
        assert np.array_equal(one[pixels:], np.stack([blue, red], axis=-1).reshape(-1))


def test_painting_what_is_there_changes_nothing(clip: Clip, photo: list[Frame]) -> None:
    video = probe(clip(photo))
    layout = planes_of(video)
    frame = read(video, layout)[0]
    before = frame.copy()
    view = layout.view(frame, (40, 40, 140, 140))
    view.paint([Patch(3, 5, view.picture[5:85, 3:83].copy(), np.ones((80, 80), np.float32))])
    assert np.array_equal(frame, before)


class _Darker:
    def run(self, mel: NDArray[np.float32], faces: NDArray[np.float32]) -> NDArray[np.float32]:
        darker: NDArray[np.float32] = faces[:, 3:] * np.float32(0.85 + 0.01 * mel.mean())
        return darker


def portrait(path: Path, corner: tuple[int, int], turn: float) -> tuple[Frame, Face]:
    """A large face in a large picture, turned, its upper left corner cut off: what lies beyond bounds would tell."""
    picture = read_picture(path).bgr
    if turn:
        matrix = cv2.getRotationMatrix2D((224, 120), turn, 1.0)
        picture = np.asarray(cv2.warpAffine(picture, matrix, (512, 512), borderMode=cv2.BORDER_REFLECT), np.uint8)
    (face,) = FaceAnalyser().find(picture)
    face = face.moved(-corner[0], -corner[1])
    picture = np.ascontiguousarray(cv2.resize(picture[corner[1] :, corner[0] :], None, fx=1.5, fy=1.5))
    return picture, replace(face, mesh=face.mesh * np.float32(1.5))


def within(
    picture: Frame, face: Face, bounds: tuple[float, float, float, float]
) -> tuple[Frame, Face, tuple[int, int]]:
    """That part of the picture, the face in it, and where it lies."""
    x1, y1, x2, y2 = (round(edge) for edge in bounds)
    left, top = max(0, x1), max(0, y1)
    part = np.ascontiguousarray(picture[top:y2, left:x2])
    assert part.size < 0.8 * picture.size
    return part, face.moved(-left, -top), (left, top)


def alike(whole: Patch, part: Patch, place: tuple[int, int], most: float, mean: float = 0.02) -> None:
    """Two patches hold the same: places in another part are rounded otherwise, so one level here and there."""
    part = part.moved(*place)
    assert (part.x, part.y, part.colour.shape) == (whole.x, whole.y, whole.colour.shape)
    assert np.abs(whole.alpha - part.alpha).max() <= 0.004
    off = np.abs(whole.colour.astype(float) - part.colour)[whole.alpha > 1 / 255]
    assert off.max() <= most
    assert off.mean() < mean


CORNERS = pytest.mark.parametrize("corner", [(0, 0), (95, 30), (185, 75)], ids=["whole", "near-edges", "cut-by-edges"])


@pytest.mark.parametrize("pads", [Pads(), Pads(top=0.4, bottom=0.5, left=0.3, right=0.6)], ids=["usual", "wide"])
@pytest.mark.parametrize("engine", [MouthWarper, lambda settings: Wav2Lip("wav2lip", _Darker(), settings)])
@CORNERS
@pytest.mark.parametrize("turn", [0, 35])
def test_speaking_needs_no_more_than_its_bounds(
    engine: Callable[[SyncSettings], LipSyncer], corner: tuple[int, int], turn: int, pads: Pads, astronaut: Path
) -> None:
    """What is made of a part of a picture is what is made of all of it."""
    picture, face = portrait(astronaut, corner, turn)
    speaks = engine(SyncSettings(pads))
    part, there, place = within(picture, face, speaks.bounds(face))
    mel = np.full((80, 16), 1.5, np.float32)
    for opening, spread, silence in ((1.0, 0.5, 0.0), (0.4, -1.0, 0.3), (0.0, 0.0, 1.0)):
        speech = Speech(mel, opening, spread, silence)
        (all_of_it,) = speaks.speak([SpeechTask(picture, face, speech)])
        (of_part,) = speaks.speak([SpeechTask(part, there, speech)])
        assert all_of_it
        for one, other in zip(all_of_it, of_part, strict=True):
            alike(one, other, place, 2)


@CORNERS
@pytest.mark.parametrize("turn", [0, 35])
@pytest.mark.parametrize("boost", [1, 2])
def test_inswapper_needs_no_more_than_its_bounds(
    corner: tuple[int, int], turn: int, boost: int, astronaut: Path, inswapper: Callable[[SwapSettings], InSwapper]
) -> None:
    picture, face = portrait(astronaut, corner, turn)
    face = replace(face, embedding=np.full(512, 512**-0.5, np.float32))
    swaps = inswapper(SwapSettings(boost))
    identity = swaps.prepare([Source(picture, face)])
    part, there, place = within(picture, face, swaps.bounds(face))
    one, other = swaps.swap([Task(picture, face, identity), Task(part, there, identity)])
    assert one is not None
    assert other is not None
    # Where the picture ends is drawn with whole pixels of the crop, and what lies within sets the tone.
    alike(one, other, place, 3, 0.4)


@CORNERS
@pytest.mark.parametrize("turn", [0, 35])
def test_the_mesh_needs_no_more_than_its_bounds(
    corner: tuple[int, int], turn: int, astronaut: Path, hopper: Path
) -> None:
    picture, face = portrait(astronaut, corner, turn)
    swaps = MeshSwapper(SwapSettings())
    identity = swaps.prepare([Source(*portrait(hopper, (0, 0), 0))])
    part, there, place = within(picture, face, swaps.bounds(face))
    one, other = swaps.swap([Task(picture, face, identity), Task(part, there, identity)])
    assert one is not None
    assert other is not None
    alike(one, other, place, 2)


@pytest.fixture(scope="module")
def inswapper(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SwapSettings], InSwapper]:
    """The engine with a network of inswapper's contract, far smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import _replica_faces

        path = tmp_path_factory.mktemp("models") / "swapper.onnx"
        path.write_bytes(_replica_faces.swapper(width=4, blocks=1).SerializeToString())
    generator = Generator(
        path, Network(open_session(path), Verdict("onnxruntime", "cpu", "fp32", batched=True, reason=""))
    )
    return lambda settings: InSwapper(generator, read_emap(path), settings, lambda: pytest.fail("it is known"))
