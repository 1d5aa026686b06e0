from __future__ import annotations

import pytest

from facefusion_cli.core.media.video.encoders import PRESETS, EncodeOptions, codec_names, encoder_for
from facefusion_cli.errors import UsageError


def test_auto_suits_the_suffix() -> None:
    assert encoder_for("auto", ".mp4").name == "h264"
    assert encoder_for("auto", ".WEBM").name == "vp9"


def test_unknown_codec_is_refused_with_all_there_are() -> None:
    with pytest.raises(UsageError, match='"h263" is no codec') as caught:
        encoder_for("h263")
    assert all(name in caught.value.hint for name in codec_names())


@pytest.mark.parametrize("options", [{"crf": -1}, {"crf": 52}, {"preset": "slowest"}])
def test_options_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        EncodeOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", codec_names())
def test_every_encoder_takes_every_quality_and_preset(name: str) -> None:
    encoder = encoder_for(name)
    for crf in (0, 18, 51):
        for preset in PRESETS:
            arguments = encoder.arguments(crf, preset)
            assert len(arguments) % 2 == 0
            assert all(arguments)


def test_better_quality_is_never_a_higher_number_for_software() -> None:
    for name in ("h264", "hevc", "av1", "vp9"):
        values = []
        for crf in (0, 18, 51):
            arguments = list(encoder_for(name).arguments(crf, "medium"))
            values.append(int(arguments[arguments.index("-crf") + 1]))
        assert values == sorted(values)
        assert values[0] < values[1] < values[2]
