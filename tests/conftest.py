"""What all tests share: real pictures, and an environment that does not depend on who runs them.

The faces come from packages that ship them, found by install folder so that importing those packages (seconds each) is
not needed. None of them is copied into the repository.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import io
import math
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.weights.catalog import Catalog, Weight
    from facefusion_cli.core.weights.store import Store


def _steady_environment() -> None:
    """Make runs steady: nothing of whoever runs them counts."""
    for name in [*os.environ]:
        if name in {"FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "PY_COLORS"} or name.upper().startswith(
            ("FACEFUSION_", "HF_", "HUGGING", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
        ):
            del os.environ[name]
    os.environ.update(NO_COLOR="1", TERM="dumb", COLUMNS="100")
    # What is kept between runs, in a place of its own; the notice at the first use has been given there.
    home = Path(tempfile.mkdtemp(prefix="facefusion-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "state").mkdir()
    (home / "state" / "first-use").touch()
    os.environ["FACEFUSION_HOME"] = str(home)
    # Some tests import onnxruntime before the package can say this.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # A busy machine is no failure.
    settings.register_profile("steady", deadline=None)
    settings.load_profile("steady")


# Now, before a conftest.py further down imports the package, which sets some of these, or libraries, which read them.
_steady_environment()


def _packaged(package: str, *parts: str) -> Path:
    """Where an installed package keeps a file."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.fail(f"the test pictures need the package {package}")
    return Path(spec.origin).parent.joinpath(*parts)


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """512 x 512 PNG, one frontal face (Eileen Collins, public domain)."""
    path = tmp_path_factory.mktemp("astronaut") / "astronaut.png"
    shutil.copyfile(_packaged("skimage", "data", "astronaut.png"), path)
    return path


@pytest.fixture(scope="session")
def hopper() -> Path:
    """512 x 600 JPEG, one frontal face with glasses (Grace Hopper, public domain). Read only."""
    return _packaged("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")


@pytest.fixture(scope="session")
def group() -> Path:
    """1280 x 886 JPEG of six faces. Read only; neither it nor anything made from it may be committed."""
    return _packaged("insightface", "data", "images", "t1.jpg")


@pytest.fixture(scope="session")
def no_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640 x 480 PNG without a face: a sky above noisy ground, with a hill."""
    height, width = 480, 640
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    horizon = 280.0 + 30.0 * np.sin(x / 90.0)
    sky = np.stack([90 + y / 4, 140 + y / 4, 230 - y / 8], axis=-1)
    ground = np.stack([70 + y / 12, 110 - y / 12, 50 + 0 * y], axis=-1)
    ground += np.random.default_rng(7).normal(0.0, 12.0, ground.shape)
    picture = np.where((y > horizon)[..., None], ground, sky).clip(0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("no_face") / "no_face.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system with the options given and returns its folder; a second call changes its options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount, and only Linux has tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        options = f"remount,{options}" if mounted else options
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
        if run.returncode:
            pytest.skip(f"mounting is not allowed here: {run.stderr.strip()}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The program."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes small videos: ``clip(size=(64, 48), fps="30000/1001", audio=True)``. See ``_make_clip`` for all options.

    The same options give the same file, so it is for reading only.
    """
    made: dict[str, Path] = {}

    def make(pictures: Sequence[NDArray[np.uint8]] | None = None, **options: Any) -> Path:
        digest = hashlib.sha256(repr(sorted(options.items())).encode())
        for picture in pictures or ():
            digest.update(repr(picture.shape).encode() + picture.tobytes())
        key = digest.hexdigest()
        if key not in made:
            made[key] = _make_clip(ffmpeg, tmp_path_factory.mktemp("clip"), pictures, **options)
        return made[key]

    return make


def _make_clip(
    ffmpeg: str,
    folder: Path,
    pictures: Sequence[NDArray[np.uint8]] | None = None,
    *,
    size: tuple[int, int] = (96, 64),
    fps: str = "25",
    frames: int = 25,
    suffix: str = ".mp4",
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    audio: str = "",
    audio_seconds: float | None = None,
    audio_delay: float = 0.0,
    audio_tracks: int = 1,
    sar: str = "1",
    rotation: int = 0,
    stamps: Sequence[float] | None = None,
    matrix: str = "",
    range_: str = "",
    primaries: str = "",
    transfer: str = "",
    interlaced: bool = False,
    filters: str = "",
    extra: Sequence[str] = (),
) -> Path:
    """One clip of ``pictures`` ((H, W, 3) BGR, all of one size) or of a moving test pattern.

    ``audio`` is the name of an encoder ("aac"; "" for no sound), whose tone begins ``audio_delay`` seconds late;
    ``rotation`` only marks the file, counter-clockwise as ffmpeg's ``-display_rotation``; ``stamps`` are the frames'
    times in seconds where they shall come irregularly; ``matrix``, ``range_``, ``primaries`` and ``transfer`` are tags
    and what the pictures' numbers mean; ``filters`` come before those; ``extra`` are arguments for the encoder.
    """
    made = folder / f"clip{suffix}"
    inputs: list[str]
    if pictures is None:
        width, height = size
        even = f"{width + width % 2}x{height + height % 2}"
        inputs = ["-f", "lavfi", "-i", f"testsrc2=size={even}:rate={fps}{'*2' if interlaced else ''}"]
        chain = [f"crop={width}:{height}:0:0:exact=1", "format=bgr24"] if (width % 2 or height % 2) else []
        if chain:
            chain.insert(0, "format=gbrp")
    else:
        height, width = pictures[0].shape[:2]
        frames = len(pictures)
        raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-video_size", f"{width}x{height}", "-framerate", fps]
        inputs, chain = [*raw, "-i", "pipe:0"], []
    if stamps is not None:
        frames = len(stamps)
        chain.append(f"settb=1/90000,setpts='{_chosen_by_number(stamps, 0)}/TB'")
    if filters:
        chain.append(filters)
    exact = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    out_matrix = f":out_color_matrix={matrix}" if matrix else ""
    out_range = f":out_range={range_}" if range_ else ""
    if interlaced:
        chain.append("interlace")
    chain.append(f"scale={exact}{out_matrix}{out_range},format={pixel_format},setsar={sar}")
    tags = {"range": range_, "colorspace": matrix, "color_primaries": primaries, "color_trc": transfer}
    if any(tags.values()):
        chain.append("setparams=" + ":".join(f"{name}={value}" for name, value in tags.items() if value))
    tones: list[str] = []
    for number in range(audio_tracks if audio else 0):
        seconds = audio_seconds if audio_seconds is not None else frames / float(Fraction(fps))
        tones += ["-itsoffset", str(audio_delay), "-f", "lavfi"]
        tones += ["-i", f"sine=frequency={440 * (number + 1)}:duration={seconds}:sample_rate=44100"]
    maps = ["-map", "0:v", *(word for number in range(len(tones) // 6) for word in ("-map", f"{number + 1}:a"))]
    # fmt: off
    arguments = [
        ffmpeg, "-hide_banner", "-loglevel", "error", "-y", *inputs, *tones, *maps, "-vf", ",".join(chain),
        "-c:v", codec, *(["-preset", "veryfast"] if codec in {"libx264", "libx265"} else []),
        *(["-flags", "+ilme+ildct"] if interlaced else []), "-frames:v", str(frames),
        *(["-fps_mode", "passthrough", "-enc_time_base", "1:90000"] if stamps is not None else []),
        *(["-c:a", audio] if audio else []), *extra, str(made),
    ]
    # fmt: on
    feed = None if pictures is None else b"".join(np.ascontiguousarray(picture).tobytes() for picture in pictures)
    run = subprocess.run(arguments, input=feed, capture_output=True)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    if rotation:
        turned = folder / f"turned{suffix}"
        turn = [
            ffmpeg,
            "-loglevel",
            "error",
            "-display_rotation",
            str(rotation),
            "-i",
            str(made),
            "-map",
            "0",
            "-c",
            "copy",
        ]
        subprocess.run([*turn, str(turned)], check=True)
        return turned
    return made


def _chosen_by_number(values: Sequence[float], first: int) -> str:
    """An expression of ffmpeg's: the value at place N - first."""
    if len(values) == 1:
        return str(values[0])
    half = len(values) // 2
    before, behind = (_chosen_by_number(values[:half], first), _chosen_by_number(values[half:], first + half))
    return f"if(lt(N,{first + half}),{before},{behind})"


@dataclass(frozen=True)
class ToyWeights:
    """Small files of weights, as somebody might publish them."""

    alpha: bytes
    """An ONNX graph that adds 1 to its input."""
    beta: bytes
    """Another that adds 2."""
    lips: bytes
    """A checkpoint in torch's legacy form, of the layout in ``TOY_LAYOUT``."""
    pack: bytes
    """A zip file of alpha, beta and a third file."""

    def __getitem__(self, name: str) -> bytes:
        return cast("bytes", getattr(self, name))


TOY_LAYOUT = {"encoder.weight": (4, 3), "encoder.bias": (4,), "norm.num_batches_tracked": ()}


@pytest.fixture(scope="session")
def toy_files() -> ToyWeights:
    """What is published, by the names in ``toy_catalog``: ``toy_files["alpha"]``."""
    import torch

    alpha, beta = _toy_network(1.0), _toy_network(2.0)
    tensors = {
        f"module.{name}": torch.arange(math.prod(shape)).reshape(shape).to(torch.float32 if shape else torch.int64)
        for name, shape in TOY_LAYOUT.items()
    }
    content = {"state_dict": tensors, "optimizer": {"state": {0: torch.zeros(99)}}, "global_step": 7, "global_epoch": 1}
    lips = io.BytesIO()
    torch.save(content, lips, _use_new_zipfile_serialization=False)
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"alpha.onnx": alpha, "beta.onnx": beta, "readme.txt": b"not needed"}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return ToyWeights(alpha, beta, lips.getvalue(), pack.getvalue())


@pytest.fixture
def toy_catalog(toy_files: ToyWeights, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Weights alpha, beta (ONNX) and lips (checkpoint), and an archive pack that holds the first two.

    Their sources are nowhere: put others in with ``dataclasses.replace``.
    """
    from facefusion_cli.core.weights import wav2lip_layout
    from facefusion_cli.core.weights.catalog import Archive, Catalog, Licence, UrlSource, Weight

    monkeypatch.setattr(wav2lip_layout, "layout", lambda: TOY_LAYOUT)
    toys = Licence("toys", "Toys: for play only", "https://toys.test/licence")

    def published(name: str, file: str) -> dict[str, Any]:
        data = toy_files[name]
        return {
            "name": name,
            "file": file,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "sources": (UrlSource(f"https://toys.test/{file}"),),
        }

    def weight(name: str, file: str, form: Literal["onnx", "wav2lip"]) -> Weight:
        return Weight(**published(name, file), purpose="plays", licence=toys, form=form)

    return Catalog(
        weights=(
            weight("alpha", "alpha.onnx", "onnx"),
            weight("beta", "beta.onnx", "onnx"),
            weight("lips", "lips.pth", "wav2lip"),
        ),
        archives=(Archive(**published("pack", "pack.zip"), members={"alpha.onnx": "alpha", "beta.onnx": "beta"}),),
    )


@pytest.fixture
def toy_store(toy_catalog: Catalog, tmp_path: Path) -> Store:
    """A store for the toy catalog, in a folder "models" that does not exist yet."""
    from facefusion_cli.core.weights.store import Store

    return Store(tmp_path / "models", toy_catalog)


def _toy_network(number: float) -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "number"], ["y"])],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [helper.make_tensor("number", TensorProto.FLOAT, [], [number])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return cast("bytes", model.SerializeToString())
