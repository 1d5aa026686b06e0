"""The fields of the forms: texts that mirror the options of the command, and files."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facefusion_cli.api.problems import Problem
from facefusion_cli.api.uploads import FileField
from facefusion_cli.core.faces.selection import parse_selection
from facefusion_cli.core.faceswap.engine import SwapSettings
from facefusion_cli.core.faceswap.engine import engine_names as swap_engine_names
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.lipsync.checks import check_options
from facefusion_cli.core.lipsync.engine import engine_names as lipsync_engine_names
from facefusion_cli.core.lipsync.options import Extend, Fit, LipSyncOptions
from facefusion_cli.core.lipsync.wishes import pads_of, rate_of
from facefusion_cli.core.media.video.clock import CLOCK, seconds_of
from facefusion_cli.core.media.video.encoders import CRF, PRESET, PRESETS, EncodeOptions, codec_names, encoder_for
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.rates import usual_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIPSYNC_FILES", "SWAP_FILES", "LipSyncForm", "SwapForm", "read_fields"]

SWAP_FILES = (
    FileField("source_image", ("picture",), "Picture with the face to take."),
    FileField("target_image", ("picture", "video"), "Picture or video to put it into."),
    FileField("reference", ("picture",), "Replace only faces of the person in this picture.", required=False),
    FileField(
        "extra_source",
        ("picture",),
        "More pictures of the person in source_image, for a better likeness; each in a field of this name.",
        required=False,
        most=4,
    ),
)
LIPSYNC_FILES = (
    FileField("video", ("video", "picture"), "Video or picture with the face that is to speak."),
    FileField("audio", ("sound", "video"), "Sound, or video with the sound, that it is to say."),
    FileField("reference", ("picture",), "The person in this picture speaks, and nobody else.", required=False),
    FileField(
        "soundtrack",
        ("sound", "video"),
        "What is heard instead of the audio, which still moves the lips.",
        required=False,
    ),
)

_ONE_FACE = r"^\s*(largest|left|right|[0-9]{1,6})\s*$"
_FACES = r"^\s*(largest|left|right|all|[0-9]{1,6}(\s*,\s*[0-9]{1,6}){0,99})\s*$"
_TIME = f"^({CLOCK.pattern})?$".replace(r"\d", "[0-9]")
"""Or nothing, as if it were not sent."""


def _like(pattern: str) -> dict[str, Any]:
    """For the documentation; what reads the text has better words for one that is not like this."""
    return {"pattern": pattern}


Clock = Annotated[str, Field(max_length=40, json_schema_extra=_like(_TIME))]

F = TypeVar("F", bound=BaseModel)


class _VideoForm(BaseModel):
    """What may be chosen of any video that is made."""

    model_config = ConfigDict(extra="forbid", strict=False)

    start: Clock | None = Field(None, description="Begin here: seconds, or a time such as 1:02:03. Videos only.")
    duration: Clock | None = Field(None, description="Do so much. Videos only.")
    crf: int = Field(CRF, ge=0, le=51, description="Quality of the video: smaller is better and larger.")
    preset: Literal[PRESETS] = Field(PRESET, description="Speed of the encoder, as x264 names it.")  # type: ignore[valid-type]
    codec: Literal[("auto", *codec_names())] = Field(  # type: ignore[valid-type]
        "auto", description="Codec of the video. auto: h264, in WebM vp9."
    )
    strict: bool = Field(
        False, description="Refuse a damaged video, instead of keeping the frames that can be decoded."
    )
    keep_metadata: bool = Field(
        False, description="Keep in the metadata also the place (GPS), author, owner, serial numbers and the like."
    )
    mark: bool = Field(
        True,
        description="Write into the result that it is synthetic. Not to do so is refused, unless the server was "
        "started to allow it.",
    )

    def _video(self) -> VideoOptions:
        encoder_for(self.codec)
        return VideoOptions(
            EncodeOptions(self.codec, self.crf, self.preset),
            start=seconds_of(self.start or None, "start"),
            duration=seconds_of(self.duration or None, "duration"),
            resume=False,
            strict=self.strict,
        )


class SwapForm(_VideoForm):
    """Fields of a face swap beside its files."""

    face: str = Field(
        "largest",
        json_schema_extra=_like(_FACES),
        description="Face to replace in the target: largest, left, right, all, or indices such as 0 or 0,2, "
        "counted from the left.",
    )
    source_face: str = Field(
        "largest", json_schema_extra=_like(_ONE_FACE), description="Face to take: largest, left, right or an index."
    )
    engine: Literal[tuple(swap_engine_names())] = Field(  # type: ignore[valid-type]
        "auto", description="auto: the one this server has; another one is refused."
    )
    boost: Literal["auto", "1", "2", "3", "4"] = Field(
        "auto", description="Sharpness of the new face: 128 pixels times this. auto: what the face has on screen."
    )
    strength: float = Field(
        1.0, ge=0, le=1, allow_inf_nan=False, description="How much of the source's identity the new face has."
    )
    keep_mouth: bool = Field(False, description="Leave the target's own mouth.")
    image_quality: int = Field(
        95, ge=1, le=100, description="Quality of picture formats that lose detail, such as JPEG."
    )

    def options(self) -> SwapOptions:
        """What core is to be told.

        Raises:
            UsageError: a choice cannot be.
        """
        return SwapOptions(
            engine=self.engine,
            face=parse_selection(self.face, name="face", several=True),
            source_face=parse_selection(self.source_face, name="source_face", several=False),
            image_quality=self.image_quality,
            keep_metadata=self.keep_metadata,
            mark=self.mark,
            settings=SwapSettings(0 if self.boost == "auto" else int(self.boost), self.strength, self.keep_mouth),
            video=self._video(),
        )


class LipSyncForm(_VideoForm):
    """Fields of a lip sync beside its files."""

    face: str = Field(
        "largest",
        json_schema_extra=_like(_ONE_FACE),
        description="Face that speaks: largest, left, right or an index from the left, meant in the first frame that "
        "has a face, and then followed.",
    )
    engine: Literal[tuple(lipsync_engine_names())] = Field(  # type: ignore[valid-type]
        "auto", description="auto: the one this server has; another one is refused."
    )
    require_face: bool = Field(
        False, description="Fail where a frame does not show the face, instead of leaving it as it is."
    )
    mix_original: float = Field(
        0.0,
        ge=0,
        le=4,
        allow_inf_nan=False,
        description="How loud the video's own sound stays under the new one: 0 not at all, 1 as it was.",
    )
    fit: Fit = Field("audio", description="Whose length the result has.")
    extend: Extend = Field(
        "pingpong",
        description="What is seen where the video is the shorter: to and fro, again from the beginning, or its last "
        "picture.",
    )
    fps: str = Field(
        "25",
        json_schema_extra=_like(r"^([0-9]{1,6}(\.[0-9]{1,9})?|[0-9]{1,9}/[0-9]{1,9})$"),
        description="Frames a second where the video is a picture: 25, 29.97, 30000/1001.",
    )
    sync_offset: int = Field(
        0,
        ge=-10_000,
        le=10_000,
        description="Milliseconds by which the lips move later than the sound; negative: earlier.",
    )
    mouth_strength: float = Field(1.0, ge=0, le=2, allow_inf_nan=False, description="How far the mouth moves.")
    no_close_mouth: bool = Field(
        False,
        description="Do not close the mouth while nobody speaks: the mouth engine leaves it as it is, wav2lip goes on.",
    )
    pads: str = Field(
        "0,5,0,0",
        json_schema_extra=_like(r"^(-?[0-9]{1,3}(\.[0-9]{1,6})?,){3}-?[0-9]{1,3}(\.[0-9]{1,6})?$"),
        description="Room around the face that Wav2Lip is given, in percent of its box: top, bottom, left, right.",
    )

    def options(self) -> LipSyncOptions:
        """What core is to be told; without the soundtrack.

        Raises:
            UsageError: a choice cannot be.
        """
        options = LipSyncOptions(
            engine=self.engine,
            face=parse_selection(self.face, name="face", several=False),
            mix_original=self.mix_original,
            fit=self.fit,
            extend=self.extend,
            fps=usual_rate(rate_of(self.fps, "fps")),
            sync_offset=self.sync_offset,
            mouth_strength=self.mouth_strength,
            close_mouth=not self.no_close_mouth,
            pads=pads_of(self.pads, "pads"),
            require_face=self.require_face,
            keep_metadata=self.keep_metadata,
            mark=self.mark,
            video=self._video(),
        )
        check_options(options)
        return options


def read_fields(form: type[F], texts: "Mapping[str, str]") -> F:
    """The texts of a form, read and checked.

    Raises:
        Problem: 422, one of them cannot be.
    """
    try:
        return form.model_validate(dict(texts))
    except ValidationError as error:
        fields = [(str(each["loc"][0]), _words(texts[str(each["loc"][0])], each)) for each in error.errors()]
        name, words = fields[0]
        raise Problem(422, "bad-field", f'the field "{name}" cannot be: {words}', fields=fields) from None


def _words(text: str, error: Any) -> str:
    shown = text[:40].encode("ascii", "backslashreplace").decode()
    allowed: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return f'"{shown}" is none of {allowed["expected"].replace(chr(39), "")}.'
        case "greater_than_equal":
            return f"{shown} is less than {allowed['ge']:g}."
        case "less_than_equal":
            return f"{shown} is more than {allowed['le']:g}."
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            return f'"{shown}" is no whole number.'
        case "float_parsing" | "finite_number":
            return f'"{shown}" is no number.'
        case "bool_parsing":
            return f'"{shown}" is neither true nor false.'
        case _:
            return f'"{shown}" cannot be.'
