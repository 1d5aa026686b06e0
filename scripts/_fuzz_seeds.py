"""Small valid files of every format that is read, made by code: what mutated files are mutated from."""

from __future__ import annotations

import io
import math
import os
import struct
import subprocess
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageFilter

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import GraphProto, ValueInfoProto
    from torch import Tensor

__all__ = ["LAYOUT", "make_heic", "make_marked", "make_pictures", "make_sounds", "make_videos", "make_weights"]

LAYOUT = {"encoder.weight": (4, 3), "encoder.bias": (4,), "norm.num_batches_tracked": ()}
"""Names and shapes of the checkpoints, in place of Wav2Lip's."""

_WIDTH, _HEIGHT = 48, 40
_TEST = f"testsrc2=size={_WIDTH}x{_HEIGHT}:rate=25:duration=0.5"
_TONE = "sine=frequency=440:duration=0.5:sample_rate=22050"

_VIDEOS = {
    "h264.mp4": "-c:v libx264 -g 6 -c:a aac",
    "fragmented.mp4": "-c:v libx264 -g 6 -an -movflags frag_keyframe+empty_moov",
    "hevc.mp4": "-c:v libx265 -x265-params log-level=none -tag:v hvc1 -an",
    "h264.mkv": "-c:v libx264 -c:a libmp3lame",
    "vp9.webm": "-c:v libvpx-vp9 -c:a libopus",
    "mpeg4.avi": "-c:v mpeg4 -c:a pcm_s16le",
    "mjpeg.mov": "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16be",
    "mpeg2.ts": "-c:v mpeg2video -c:a mp2",
    "mpeg1.mpg": "-c:v mpeg1video -c:a mp2",
    "flv1.flv": "-c:v flv -c:a libmp3lame -ar 22050",
    "theora.ogv": "-c:v libtheora -c:a libvorbis",
    "moving.gif": "-c:v gif -an",
    "raw.h264": "-c:v libx264 -an",
}
_SOUNDS = {
    "s16.wav": "-c:a pcm_s16le",
    "float.wav": "-c:a pcm_f32le -ac 2",
    "plain.mp3": "-c:a libmp3lame",
    "plain.flac": "-c:a flac",
    "vorbis.ogg": "-c:a libvorbis",
    "opus.ogg": "-c:a libopus",
    "plain.m4a": "-c:a aac",
    "plain.aac": "-c:a aac",
    "plain.wv": "-c:a wavpack",
    "plain.aiff": "-c:a pcm_s16be",
}


def make_pictures(folder: Path) -> None:
    """Every format of pictures, some in several kinds, each a few kilobytes."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    values = np.stack([5 * x, 6 * y, 2 * (x + y)], axis=-1) % 256
    colour = Image.fromarray(values.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    grey, alpha = colour.convert("L"), colour.convert("RGBA")
    alpha.putalpha(grey)
    exif = Image.Exif()
    exif.update({274: 6, 271: "maker", 306: "2020:01:01 00:00:00"})
    exif.get_ifd(34665).update({36867: "2020:01:01 00:00:00", 33434: 0.01})
    exif.get_ifd(34853).update({1: "N", 2: (50.0, 1.0, 2.0)})
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a b="c"/></x:xmpmeta>'

    def save(name: str, image: Image.Image, **options: object) -> None:
        image.save(folder / name, **options)  # type: ignore[arg-type]

    save("plain.jpg", colour, exif=exif, icc_profile=icc, xmp=xmp)
    save("progressive.jpg", colour, progressive=True, quality=60)
    save("cmyk.jpg", colour.convert("CMYK"))
    save("plain.png", colour, exif=exif, icc_profile=icc)
    save("alpha.png", alpha)
    save("palette.png", colour.quantize(16), transparency=3)
    save("deep.png", Image.fromarray((values[..., 0] * 257).astype(np.uint16)))
    save("moving.png", colour, save_all=True, append_images=[colour.rotate(90)])
    save("plain.webp", alpha, exif=exif, icc_profile=icc, xmp=xmp)
    save("lossless.webp", colour, lossless=True)
    save("moving.webp", colour, save_all=True, append_images=[colour.rotate(90)])
    save("lzw.tif", colour, compression="tiff_lzw", exif=exif, icc_profile=icc)
    save("deflated.tif", alpha, compression="tiff_adobe_deflate")
    save("jpeg.tif", colour, compression="jpeg")
    save("deep.tif", Image.fromarray((values[..., 1] * 257).astype(np.uint16)), compression="packbits")
    save("bits.tif", grey.convert("1"), compression="group4")
    save("plain.gif", colour.quantize(16))
    save("plain.bmp", colour)
    save("palette.bmp", colour.quantize(16))
    save("plain.avif", alpha, exif=exif, icc_profile=icc)
    save("plain.jp2", colour)
    save("plain.ppm", colour)
    save("bits.pbm", grey.convert("1"))
    save("plain.tga", alpha, compression="tga_rle")
    save("plain.pcx", colour)
    save("plain.sgi", colour)
    save("plain.dds", alpha, pixel_format="DXT5")
    save("plain.qoi", alpha)
    _write_deep_colour(folder, (values * 257).astype(np.uint16))


def _write_deep_colour(folder: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> None:
    import cv2

    for name in ("deep-colour.png", "deep-colour.tif"):
        (folder / name).write_bytes(cv2.imencode(folder.joinpath(name).suffix, values)[1].tobytes())


def make_heic(folder: Path, program: str) -> None:
    """A HEIC picture, for which neither Pillow nor ffmpeg has a writer: a coded frame of a video in other boxes."""
    made = folder / "frame.mp4"
    _run(program, f"-f lavfi -i {_TEST} -frames:v 1 {_VIDEOS['hevc.mp4']}", made)
    video = made.read_bytes()
    made.unlink()
    at = video.index(b"hvcC") - 4
    settings = video[at : at + int.from_bytes(video[at : at + 4], "big")]
    # The only thing in the media data of so short a file is the one frame.
    at = video.index(b"mdat")
    frame = video[at + 4 : at - 4 + int.from_bytes(video[at - 4 : at], "big")]
    (folder / "plain.heic").write_bytes(_heic(settings, frame))


def _heic(settings: bytes, frame: bytes) -> bytes:
    """Boxes of ISO/IEC 23008-12 around one picture."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    def full(kind: bytes, content: bytes, version: int = 0) -> bytes:
        return box(kind, struct.pack(">I", version << 24) + content)

    def meta(place: int) -> bytes:
        entry = full(b"infe", struct.pack(">HH4sB", 1, 0, b"hvc1", 0), version=2)
        properties = box(b"ipco", settings + full(b"ispe", struct.pack(">II", _WIDTH, _HEIGHT)))
        associations = full(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 0x81, 0x02))
        where = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, place, len(frame))
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s12sB", 0, b"pict", bytes(12), 0))
            + full(b"pitm", struct.pack(">H", 1))
            + full(b"iloc", where)
            + full(b"iinf", struct.pack(">H", 1) + entry)
            + box(b"iprp", properties + associations),
        )

    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", frame)


def make_videos(folder: Path, program: str) -> None:
    """Every container that is read, half a second each."""
    for name, arguments in _VIDEOS.items():
        _run(program, f"-f lavfi -i {_TEST} -f lavfi -i {_TONE} {arguments}", folder / name)
    uneven = "-vf setpts=N*N/40/TB -fps_mode passthrough -enc_time_base 1:1000 -an"
    _run(program, f"-f lavfi -i {_TEST} {uneven}", folder / "irregular.mkv")


def make_sounds(folder: Path, program: str) -> None:
    """Sounds of half a second."""
    for name, arguments in _SOUNDS.items():
        _run(program, f"-f lavfi -i {_TONE} {arguments}", folder / name)


def make_marked(folder: Path, pictures: Path, videos: Path) -> None:
    """Files that say that they are synthetic, in XMP and, where the packages for it are there, signed."""
    from facefusion_cli.core.media.encode import write_picture
    from facefusion_cli.core.media.images import read_picture
    from facefusion_cli.core.media.marking.boxes import add_box
    from facefusion_cli.core.media.marking.identity import extra_installed
    from facefusion_cli.core.media.marking.mark import Mark
    from facefusion_cli.core.media.marking.xmp import packet_of

    mark = Mark("inswapper", "inswapper_128")
    picture = read_picture(pictures / "plain.jpg")
    files = [folder / f"marked{suffix}" for suffix in (".jpg", ".png", ".webp", ".tif", ".avif", ".mp4")]
    for file in files[:-1]:
        write_picture(picture, file, mark=mark)
    files[-1].write_bytes((videos / "fragmented.mp4").read_bytes())
    add_box(files[-1], packet_of(mark.said()))
    (folder / "plain.mkv").write_bytes((videos / "h264.mkv").read_bytes())
    if not extra_installed():
        return
    from facefusion_cli.core.media.marking.signing import write_signed

    before = os.environ.get("FACEFUSION_HOME")
    os.environ["FACEFUSION_HOME"] = str(folder.with_name("home"))  # where the key is kept
    try:
        for file in files:
            write_signed(file, file.with_stem("signed"), None, mark.said())
    finally:
        if before is None:
            del os.environ["FACEFUSION_HOME"]
        else:
            os.environ["FACEFUSION_HOME"] = before


def _run(program: str, arguments: str, made: Path) -> None:
    command = [program, "-hide_banner", "-loglevel", "error", "-y", *arguments.split()]
    # So that the same program makes the same file.
    subprocess.run([*command, "-fflags", "+bitexact", "-flags", "+bitexact", "-threads", "1", str(made)], check=True)


def make_weights(folder: Path) -> None:
    """Checkpoints in all forms, an ONNX network and an archive of it."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {
        name: torch.arange(math.prod(shape)).reshape(shape).to(torch.float32 if shape else torch.int64)
        for name, shape in LAYOUT.items()
    }
    content = {"state_dict": {f"module.{name}": value for name, value in tensors.items()}, "global_step": 7}
    save_file(tensors, folder / "lips.safetensors")
    torch.save(content, folder / "zipped.pth")
    torch.save(content, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    network = _network()
    (folder / "net.onnx").write_bytes(network)
    for name, method in (("deflated.zip", zipfile.ZIP_DEFLATED), ("stored.zip", zipfile.ZIP_STORED)):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", method) as opened:
            for member in ("net.onnx", "other.onnx"):
                opened.writestr(zipfile.ZipInfo(member), network, method)
        (folder / name).write_bytes(archive.getvalue())


def _network() -> bytes:
    """Everything in it that is looked into: constants, a graph within a node, attributes of several kinds."""
    from onnx import TensorProto, helper

    def value(name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4])

    def inner(name: str) -> GraphProto:
        return helper.make_graph([helper.make_node("Relu", ["y"], [name])], "inner", [], [value(name)])

    constant = helper.make_tensor("k", TensorProto.FLOAT, [3, 3, 1, 1], [0.1 * number for number in range(9)])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "k"], ["y"], kernel_shape=[1, 1]),
            helper.make_node("Constant", [], ["yes"], value=yes),
            helper.make_node("If", ["yes"], ["z"], then_branch=inner("a"), else_branch=inner("b")),
        ],
        "toy",
        [value("x")],
        [value("z")],
        [constant],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
