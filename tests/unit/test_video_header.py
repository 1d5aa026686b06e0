from __future__ import annotations

from fractions import Fraction

import pytest

from facefusion_cli.core.media.video.header import FrameLine, Header, parse_frame_line, parse_header_line

MARK = "<mark>"
LINES = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/tmp/a.mp4':
  Metadata:
    title           : Stream #0:9: Video: none, 9x9, 9 fps
                    :   Stream #0:8: Audio: aac, 1 Hz, mono
                    :   Duration: 99:00:00.00, start: 0.000000, bitrate: 267 kb/s
    Stream #0:7: Subtitle: subrip: a name of a tag
    Chapter #0:0: start 0.000000, end 1.000000: another
    a name of two lines,
  Stream #0:6: Video: h264, yuv420p, 9x9, 9 fps, 9 tbr: of which this is one
  Duration: 01:02:03.50, start: 0.000000, bitrate: 267 kb/s
  Chapters:
    Chapter #0:0: start 0.000000, end 1.000000
      Metadata:
        title           : one
                        : Stream mapping:
    Chapter #0:1: start 1.000000, end 2.000000
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661)<mark>yuv420p(tv, bt709/bt709/unknown, progressive), \
1920x1080 [SAR 1:1 DAR 16:9]<mark>261 kb/s<mark>23.98 fps, 24k tbr, 12800 tbn (default)
    Metadata:
      title           : x
                      :       DURATION        : 00:00:09.000000000
      DURATION        : 00:00:02.002000000
  Stream #0:1[0x2](zh (Hans)): Audio: aac (LC) (mp4a / 0x6134706D)<mark>44100 Hz, 5.1(side), fltp, 69 kb/s (default)
  Stream #0:2(en-US): Audio: pcm_s16le<mark>8000 Hz, 6 channels, s16, 768 kb/s
  Stream #0:3(und): Subtitle: mov_text (tx3g / 0x67337874), 0 kb/s (default)
  Stream #0:4: Video: mjpeg (Baseline)<mark>yuvj420p(pc, bt470bg/unknown/unknown), 64x64<mark>90k tbr, 90k tbn \
(attached pic)
Stream mapping:
  Stream #0:0 -> #0:0 (copy)
Output #0, null, to 'pipe:':
  Stream #0:0: Video: wrapped_avframe, yuv420p, 64x64
""".splitlines()


def parse(lines: list[str]) -> Header:
    header = Header(mark=MARK)
    for line in lines:
        parse_header_line(line, header)
    return header


def test_header_tells_streams_and_nothing_that_only_looks_like_one() -> None:
    header = parse(LINES)
    assert header.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert header.duration == Fraction("3723.5")
    assert header.chapters == 2
    assert [(one.index, one.kind, one.codec) for one in header.streams] == [
        (0, "Video", "h264"),
        (1, "Audio", "aac"),
        (2, "Audio", "pcm_s16le"),
        (3, "Subtitle", "mov_text"),
        (4, "Video", "mjpeg"),
    ]
    video, surround, six, _, cover = header.streams
    assert video.size == (1920, 1080)
    assert video.rates == (Fraction(24000, 1001), Fraction(24000))
    assert video.duration == Fraction("2.002")
    assert (surround.rate, surround.channels) == (44100, 6)
    assert (six.rate, six.channels) == (8000, 6)
    assert (cover.attached, video.attached) == (True, False)


def test_header_of_what_was_not_opened_is_empty() -> None:
    assert parse(["[in#0 @ 0x1] Error opening input: Invalid data found"]).container == ""


def test_marks_and_names_are_those_of_one_run() -> None:
    assert Header().mark != Header().mark
    assert FrameLine().name != FrameLine().name


def test_frame_lines_tell_looks_and_stamps() -> None:
    known = FrameLine(name="showinfo@7")
    told = [
        parse_frame_line(line, known)
        for line in (
            "[showinfo@7 @ 0x1] config in time_base: 1/12800, frame_rate: 30000/1001",
            "[showinfo@7 @ 0x1] config out time_base: 0/0, frame_rate: 0/0",
            "[showinfo@7 @ 0x1] n:   0 pts:   -512 pts_time:-0.04   duration:    512 duration_time:0.04    "
            "fmt:yuv420p cl:left sar:4/3 s:320x240 i:P iskey:1 type:I ",
            "[showinfo@7 @ 0x1] color_range:tv color_space:bt709 color_primaries:unknown color_trc:unknown",
            "[showinfo@7 @ 0x1] n:   1 pts: NOPTS pts_time:NOPTS   duration:    512 duration_time:0.04    "
            "fmt:yuv422p cl:left sar:1/1 s:32x24 i:T iskey:0 type:P ",
        )
    ]
    assert told == [None, None, -512, None, "NOPTS"]
    assert known.time_base == Fraction(1, 12800)
    assert known.rate == Fraction(30000, 1001)
    assert (known.pixel_format, known.size, known.sar) == ("yuv420p", (320, 240), Fraction(4, 3))
    assert known.interlaced
    assert known.colour == ("tv", "bt709", "", "")


@pytest.mark.parametrize(
    "line",
    [
        "frame=   50 fps=0.0",
        "[h264 @ 0x1] error while decoding MB 8 14",
        "",
        "    title           : n: 5 pts: 77777 x",
        "    title           : config in time_base: 1/1, frame_rate: 3/1",
        "n:   0 pts:      0 pts_time:0",
        "[Parsed_showinfo_0 @ 0x1] n:   0 pts:      0 pts_time:0",
        "[showinfo@8 @ 0x1] n:   0 pts:      0 pts_time:0",
        "[showinfo@7 @ 0x1]   side data - n:   0 pts:      0 pts_time:0",
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    known = FrameLine(name="showinfo@7")
    assert parse_frame_line(line, known) is None
    assert known == FrameLine(name="showinfo@7")
