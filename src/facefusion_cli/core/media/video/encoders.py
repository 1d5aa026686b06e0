"""Which encoder writes which codec, and how well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CRF", "PRESET", "PRESETS", "SEGMENT_SUFFIX", "EncodeOptions", "Encoder", "codec_names", "encoder_for"]

SEGMENT_SUFFIX = ".mp4"
"""Of a piece. Its content is MP4, or QuickTime for ProRes; both hold any rational rate exactly."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""x264's names; other encoders have something for each."""

CRF, PRESET = 16, "veryfast"
"""The usual ones: files as large as with 18 and "medium" in a third of the time, with 1.5 dB less of a PSNR of 50."""

_WORST_CRF = 51


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to encode the pictures."""

    codec: str = "auto"
    """"auto" for what suits the output's suffix (h264; vp9 in WebM), or a name of ``codec_names``: "h264", "hevc",
    "av1", "vp9", "prores", or a hardware encoder such as "h264_nvenc"."""
    crf: int = CRF
    """0 (best) to 51, as x264 counts; for other encoders what looks about the same."""
    preset: str = PRESET
    """One of ``PRESETS``."""

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= _WORST_CRF:
            raise UsageError(f"the quality (CRF) must be from 0 to {_WORST_CRF}, not {self.crf}.")
        if self.preset not in PRESETS:
            raise UsageError(f'"{self.preset}" is no preset.', hint=f"There are: {', '.join(PRESETS)}.")


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of ffmpeg's encoders and how we use it."""

    name: str
    """What users call it."""
    program: str
    """What ffmpeg calls it."""
    arguments: Callable[[int, str], Sequence[str]]
    """Options for a CRF and a preset."""
    even: str = "yuv420p"
    """Form of the pixels if width and height are even."""
    odd: str = ""
    """Form of the pixels otherwise; "": it cannot write those."""
    muxer: Literal["mp4", "mov"] = "mp4"
    upload: str = ""
    """Filters that bring a frame to where it is encoded."""
    before: Sequence[str] = ()
    """Options before the input."""


def encoder_for(codec: str, suffix: str = SEGMENT_SUFFIX) -> Encoder:
    """The encoder of that name; for "auto" the one that suits a file of that suffix.

    Raises:
        UsageError: there is none of that name.
    """
    if codec == "auto":
        codec = "vp9" if suffix.lower() == ".webm" else "h264"
    if codec not in _ENCODERS:
        raise UsageError(f'"{codec}" is no codec that can be written.', hint=f"There are: {', '.join(codec_names())}.")
    return _ENCODERS[codec]


def codec_names() -> tuple[str, ...]:
    """All names but "auto": whether hardware encoders work here is another matter."""
    return tuple(_ENCODERS)


def _step(preset: str, fastest: int, slowest: int) -> str:
    """The preset's place on a scale of another encoder."""
    share = PRESETS.index(preset) / (len(PRESETS) - 1)
    return str(round(fastest + share * (slowest - fastest)))


def _x264(crf: int, preset: str) -> Sequence[str]:
    return ["-preset", preset, "-crf", str(crf)]


def _x265(crf: int, preset: str) -> Sequence[str]:
    # Closed groups: a reader that begins in the middle misses no frame. Players of Apple want the tag.
    parameters = "log-level=error:open-gop=0"
    return ["-preset", preset, "-crf", str(min(51, crf + 2)), "-x265-params", parameters, "-tag:v", "hvc1"]


def _svtav1(crf: int, preset: str) -> Sequence[str]:
    return ["-preset", _step(preset, 12, 4), "-crf", str(min(63, round(crf * 1.3)))]


def _vp9(crf: int, preset: str) -> Sequence[str]:
    quality = ["-crf", str(min(63, round(crf * 1.2))), "-b:v", "0"]
    return [*quality, "-deadline", "good", "-cpu-used", _step(preset, 5, 1), "-row-mt", "1"]


def _prores(_crf: int, _preset: str) -> Sequence[str]:
    # Its rate follows from the profile alone: 3 is "HQ".
    return ["-profile:v", "3", "-vendor", "apl0"]


def _nvenc(crf: int, preset: str) -> Sequence[str]:
    return ["-preset", f"p{_step(preset, 1, 7)}", "-rc", "vbr", "-cq", str(max(1, crf)), "-b:v", "0"]


def _nvenc_hevc(crf: int, preset: str) -> Sequence[str]:
    return [*_nvenc(crf, preset), "-tag:v", "hvc1"]


def _videotoolbox(crf: int, _preset: str) -> Sequence[str]:
    # Its scale goes from 1 to 100 (best); presets there are none.
    return ["-q:v", str(max(1, 100 - 2 * crf))]


def _videotoolbox_hevc(crf: int, preset: str) -> Sequence[str]:
    return [*_videotoolbox(crf, preset), "-tag:v", "hvc1"]


def _qsv(crf: int, preset: str) -> Sequence[str]:
    known = preset if preset not in {"ultrafast", "superfast"} else "veryfast"
    return ["-preset", known, "-global_quality", str(max(1, crf))]


def _vaapi(crf: int, _preset: str) -> Sequence[str]:
    return ["-rc_mode", "CQP", "-qp", str(max(1, crf))]


def _amf(crf: int, preset: str) -> Sequence[str]:
    effort = ("speed", "balanced", "quality")[int(_step(preset, 0, 2))]
    return ["-quality", effort, "-rc", "cqp", "-qp_i", str(crf), "-qp_p", str(crf)]


_GPU = ("-vaapi_device", "/dev/dri/renderD128")

_ENCODERS = {
    encoder.name: encoder
    for encoder in (
        Encoder("h264", "libx264", _x264, odd="yuv444p"),
        Encoder("hevc", "libx265", _x265, odd="yuv444p"),
        Encoder("av1", "libsvtav1", _svtav1),
        Encoder("vp9", "libvpx-vp9", _vp9, odd="yuv420p"),
        Encoder("prores", "prores_ks", _prores, even="yuv422p10le", odd="yuv422p10le", muxer="mov"),
        Encoder("h264_nvenc", "h264_nvenc", _nvenc, odd="yuv444p"),
        Encoder("hevc_nvenc", "hevc_nvenc", _nvenc_hevc, odd="yuv444p"),
        Encoder("av1_nvenc", "av1_nvenc", _nvenc),
        Encoder("h264_videotoolbox", "h264_videotoolbox", _videotoolbox),
        Encoder("hevc_videotoolbox", "hevc_videotoolbox", _videotoolbox_hevc),
        Encoder("h264_qsv", "h264_qsv", _qsv, even="nv12"),
        Encoder("hevc_qsv", "hevc_qsv", _qsv, even="nv12"),
        Encoder("h264_vaapi", "h264_vaapi", _vaapi, even="nv12", upload=",hwupload", before=_GPU),
        Encoder("hevc_vaapi", "hevc_vaapi", _vaapi, even="nv12", upload=",hwupload", before=_GPU),
        Encoder("h264_amf", "h264_amf", _amf),
        Encoder("hevc_amf", "hevc_amf", _amf),
    )
}
