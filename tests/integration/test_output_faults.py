"""Files and disks as they really fail: small and read-only file systems, killed processes, pictures that are bombs."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.core.media.outputs import AtomicOutput, Output, plan_outputs
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefusion_cli.core.media.images import Picture


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target.png"
    Image.new("RGB", (8, 8)).save(path)
    return path


def noise(side: int = 500) -> Picture:
    """Of which no format makes little."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return picture_from_array(pixels, Path("noise"))


def swap(output: Output) -> Path:
    with AtomicOutput(output) as file:
        write_picture(noise(), file.temporary)
        return file.commit()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "avif", "jp2", "ppm"])
def test_f05_full_disk(disk: Callable[[str], Path], target: Path, suffix: str) -> None:
    folder = disk("size=100k")
    (output,) = plan_outputs([target], f"{folder}/result.{suffix}")
    with pytest.raises(OutputError) as raised:
        swap(output)
    assert raised.value.message == f'cannot write "{output.path}": no space is left on the disk.'
    assert list(folder.iterdir()) == []


def test_f01_f05_full_disk_keeps_the_old_file(disk: Callable[[str], Path], target: Path) -> None:
    folder = disk("size=100k")
    (folder / "result.png").write_bytes(b"old")
    (output,) = plan_outputs([target], f"{folder}/result.png")
    with pytest.raises(OutputError, match="no space"):
        swap(output)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"old"]


def test_disk_without_room_for_a_name(disk: Callable[[str], Path], target: Path) -> None:
    folder = disk("size=1m,nr_inodes=2")
    (folder / "one").touch()
    (output,) = plan_outputs([target], f"{folder}/result.png")
    with pytest.raises(OutputError, match="no space"):
        swap(output)


@pytest.mark.parametrize("out", ["{folder}/result.png", "{folder}/", "{folder}/{{stem}}_x{{suffix}}"])
def test_f04_read_only_disk_is_noticed_before_the_work(disk: Callable[[str], Path], target: Path, out: str) -> None:
    folder = disk("size=1m")
    disk("ro")
    with pytest.raises(OutputError, match="the file system is read-only"):
        plan_outputs([target], out.format(folder=folder))


def test_beside_a_target_that_is_on_a_read_only_disk(disk: Callable[[str], Path]) -> None:
    folder = disk("size=1m")
    Image.new("RGB", (8, 8)).save(folder / "target.png")
    disk("ro")
    with pytest.raises(OutputError, match="the file system is read-only"):
        plan_outputs([folder / "target.png"], None)


def test_disk_that_becomes_read_only_meanwhile(disk: Callable[[str], Path], target: Path) -> None:
    folder = disk("size=1m")
    (output,) = plan_outputs([target], f"{folder}/result.png")
    disk("ro")
    with pytest.raises(OutputError, match="the file system is read-only"):
        swap(output)


def test_link_to_another_disk(disk: Callable[[str], Path], tmp_path: Path, target: Path) -> None:
    """The temporary file has to be where the link leads, or it could not be renamed."""
    folder = disk("size=10m")
    (tmp_path / "link.png").symlink_to(folder / "result.png")
    (output,) = plan_outputs([target], f"{tmp_path}/link.png")
    swap(output)
    assert (tmp_path / "link.png").is_symlink()
    assert read_picture(folder / "result.png").width == 500
    assert len(list(folder.iterdir())) == 1


WRITER = """
import sys, time
from pathlib import Path
from facefusion_cli.core.media.atomic import AtomicFile
with AtomicFile(Path(sys.argv[1])) as file:
    file.temporary.write_bytes(sys.argv[2].encode() * 100_000)
    print("ready", flush=True)
    sys.stdin.readline()
    file.commit()
"""


def writer(path: Path, content: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, content], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> int:
    process.communicate("\n")
    return process.returncode


def test_f46_two_runs_with_one_output(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    one, other = writer(path, "1"), writer(path, "2")
    assert len(list(tmp_path.iterdir())) == 2
    assert end(one) == 0
    assert path.read_bytes() == b"1" * 100_000
    assert end(other) == 0
    assert path.read_bytes() == b"2" * 100_000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_f12_a_killed_run_leaves_no_result_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    killed, running = writer(path, "1"), writer(path, "2")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 2
    last = writer(path, "3")
    assert len(list(tmp_path.iterdir())) == 2
    assert end(last) == 0
    assert end(running) == 0
    assert path.read_bytes() == b"2" * 100_000
    assert list(tmp_path.iterdir()) == [path]


def _png_bomb(path: Path, side: int) -> None:
    """A whole, valid picture of 1-bit pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


READER = """
import sys
from pathlib import Path
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.memory import peak_memory
from facefusion_cli.errors import InputError
before = peak_memory()
try:
    read_picture(Path(sys.argv[1]))
except InputError as error:
    print(error.message)
print(peak_memory() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
@pytest.mark.parametrize(("side", "millions"), [(20000, 400), (40000, 1600)])
def test_b06_b07_bombs_are_refused_without_being_decoded(tmp_path: Path, side: int, millions: int) -> None:
    path = tmp_path / "bomb.png"
    _png_bomb(path, side)
    assert path.stat().st_size < 300_000
    run = subprocess.run([sys.executable, "-W", "error", "-c", READER, path], capture_output=True, text=True)
    assert run.stderr == ""
    message, taken = run.stdout.splitlines()
    assert f"{side} x {side} = {millions} million pixels; the limit is 100 million." in message
    assert int(taken) < 30_000_000
