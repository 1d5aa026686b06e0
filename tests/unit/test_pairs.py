"""Which video speaks which sound, and what the results are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from facefusion_cli.core.batch.pairs import find_pairs, pair, sort_words
from facefusion_cli.core.batch.targets import Fault, Targets
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import Output, plan_many, plan_outputs
from facefusion_cli.errors import InputError, OutputError, UsageError

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
WAV = b"RIFF\0\0\0\0WAVEfmt "


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(folder: str | None, *names: str) -> Targets:
    """Files below ``folder``, or named ones."""
    files = []
    for name in names:
        path = Path(folder or "", name)
        files.append(Target(path, "picture", None if folder is None else Path(name).parent))
    return Targets(tuple(files), (), ())


def who(pairs: Targets) -> list[tuple[str, str]]:
    assert all(target.kind == "video" and target.sound is not None for target in pairs.files)
    return [(target.path.as_posix(), (target.sound or Path()).as_posix()) for target in pairs.files]


def faults(pairs: Targets) -> list[tuple[str, str, bool]]:
    return [(fault.name, str(fault.error), fault.sound) for fault in pairs.faults]


def test_a_file_and_a_file() -> None:
    pairs = pair(found(None, "talk.mp4"), found(None, "voice.wav"))
    assert pairs.files == (Target(Path("talk.mp4"), "video", sound=Path("voice.wav")),)
    assert pairs.faults == ()


def test_one_sound_for_many_videos() -> None:
    videos = found("clips", "a.mp4", "sub/b.png")
    pairs = pair(videos, found(None, "voice.wav"))
    assert who(pairs) == [("clips/a.mp4", "voice.wav"), ("clips/sub/b.png", "voice.wav")]
    assert [target.folder for target in pairs.files] == [Path(), Path("sub")]
    assert {target.stem for target in pairs.files} == {None}


def test_one_video_for_many_sounds() -> None:
    sounds = found("voices", "de.wav", "en.wav", "en.mp3", "sub/en.wav")
    pairs = pair(found(None, "talk.mp4"), sounds)
    assert [(target.stem, target.folder) for target in pairs.files] == [
        ("talk_de", Path()),
        ("talk_en.wav", Path()),
        ("talk_en.mp3", Path()),
        ("talk_en", Path("sub")),
    ]
    assert not any(target.was_found for target in pairs.files)
    named = pair(found(None, "talk.mp4"), found(None, "de.wav", "en.wav"))
    assert [(target.stem, target.folder) for target in named.files] == [("talk_de", None), ("talk_en", None)]


def test_folders_are_paired_by_stem_also_below() -> None:
    pairs = pair(found("clips", "a.mp4", "sub/a.mov", "sub/b.mp4"), found("voices", "a.wav", "sub/a.mp3", "sub/b.ogg"))
    assert who(pairs) == [
        ("clips/a.mp4", "voices/a.wav"),
        ("clips/sub/a.mov", "voices/sub/a.mp3"),
        ("clips/sub/b.mp4", "voices/sub/b.ogg"),
    ]
    assert pairs.faults == ()


def test_one_file_in_a_folder_is_paired_by_stem_too() -> None:
    pairs = pair(found("clips", "a.mp4"), found("voices", "b.wav"))
    assert who(pairs) == []
    assert [fault.name for fault in pairs.faults] == ["clips/a.mp4", "voices/b.wav"]


def test_several_files_of_both_kinds_are_paired_by_stem() -> None:
    pairs = pair(found(None, "x/a.mp4", "b.mp4"), found(None, "b.wav", "y/a.wav"))
    assert who(pairs) == [("x/a.mp4", "y/a.wav"), ("b.mp4", "b.wav")]


def test_who_has_no_partner_is_a_fault() -> None:
    pairs = pair(found("clips", "a.mp4", "sub/b.mp4"), found("voices", "a.wav", "c.wav"))
    assert who(pairs) == [("clips/a.mp4", "voices/a.wav")]
    assert faults(pairs) == [
        ("clips/sub/b.mp4", 'there is no sound for "clips/sub/b.mp4".', False),
        ("voices/c.wav", 'there is no video for "voices/c.wav".', True),
    ]
    assert '"sub/b"' in pairs.faults[0].error.hint


def test_several_videos_of_one_stem_each_speak() -> None:
    pairs = pair(found("clips", "a.mov", "a.mp4", "a.png"), found("voices", "a.wav"))
    assert [target.path.name for target in pairs.files] == ["a.mov", "a.mp4", "a.png"]
    assert pairs.faults == ()


def test_several_sounds_of_one_stem_are_a_fault_that_names_them() -> None:
    pairs = pair(found("clips", "a.mp4", "b.mp4"), found("voices", "a.mp3", "a.wav", "b.wav"))
    assert who(pairs) == [("clips/b.mp4", "voices/b.wav")]
    ((name, sentence, _),) = faults(pairs)
    assert (name, sentence) == (
        "clips/a.mp4",
        'there are several sounds for "clips/a.mp4": "voices/a.mp3" and "voices/a.wav".',
    )
    assert 'remove or rename "voices/a.wav"' in pairs.faults[0].error.hint


def test_a_sound_file_comes_before_a_video_and_nobody_speaks_to_itself() -> None:
    talks = found("talks", "a.mp4", "a.wav", "b.mp4")
    videos = Targets(tuple(one for one in talks.files if one.path.suffix == ".mp4"), (), ())
    pairs = pair(videos, talks)
    assert who(pairs) == [("talks/a.mp4", "talks/a.wav")]
    assert [fault.name for fault in pairs.faults] == ["talks/b.mp4"]
    assert who(pair(found("clips", "a.mp4"), found("dubbed", "a.mkv"))) == [("clips/a.mp4", "dubbed/a.mkv")]
    assert who(pair(found("clips", "a.mp4"), found("dubbed", "a.mkv", "a.wav"))) == [("clips/a.mp4", "dubbed/a.wav")]
    assert who(pair(found(None, "a.mp4"), found(None, "a.mp4"))) == [("a.mp4", "a.mp4")]


def test_where_nothing_was_found_on_one_side_it_alone_is_the_fault() -> None:
    nothing = Targets((), (), (Fault("x*.wav", InputError("nothing matches.")),))
    pairs = pair(found("clips", "a.mp4", "b.mp4"), nothing)
    assert (pairs.files, faults(pairs)) == ((), [("x*.wav", "nothing matches.", True)])
    pairs = pair(nothing, found("voices", "a.wav"))
    assert (pairs.files, faults(pairs)) == ((), [("x*.wav", "nothing matches.", False)])


def test_a_sound_is_not_alone_where_others_were_meant() -> None:
    sounds = found(None, "a.wav")
    sounds = Targets(sounds.files, (), (Fault("b*.wav", InputError("nothing matches.")),))
    assert who(pair(found("clips", "a.mp4", "b.mp4"), sounds)) == [("clips/a.mp4", "a.wav")]


def test_two_words_are_a_video_and_a_sound() -> None:
    make("a.mp4", "b.wav")
    assert sort_words(["a.mp4", "b.wav"]) == (["a.mp4"], ["b.wav"])
    assert sort_words(["a.mp4", "a.mp4"]) == (["a.mp4"], ["a.mp4"])
    assert sort_words(["clips", "voices"]) == (["clips"], ["voices"])
    with pytest.raises(UsageError, match=r'"b\.wav" is a sound') as refused:
        sort_words(["b.wav", "a.mp4"])
    assert "video comes first" in refused.value.hint
    with pytest.raises(UsageError, match="a video and a sound are needed"):
        sort_words(["a.mp4"])


def test_of_more_words_those_that_are_sounds_are_sounds() -> None:
    Path("hidden.dat").write_bytes(WAV)
    Path("cover.wav").write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ["a.mp4", "voice.wav", "clips", "hidden.dat", "more/*.mp3", "cover.wav"]
    assert sort_words(words) == (["a.mp4", "clips", "cover.wav"], ["voice.wav", "hidden.dat", "more/*.mp3"])
    assert sort_words(["clips", "more", "voices"]) == (["clips", "more"], ["voices"])
    assert sort_words(["a.mp4", "b.mp4", "c.mp4"]) == (["a.mp4", "b.mp4"], ["c.mp4"])
    with pytest.raises(UsageError, match="none of these 3 files is a video"):
        sort_words(["a.wav", "b.wav", "c.wav"])


def test_folders_list_sounds() -> None:
    make(
        "clips/a.mp4", "clips/b.jpg", "clips/a.wav", "clips/notes.txt", "voices/a.OPUS", "voices/b.mkv", "voices/x.jpg"
    )
    pairs = find_pairs(["clips"], ["voices"])
    assert who(pairs) == [("clips/a.mp4", "voices/a.OPUS"), ("clips/b.jpg", "voices/b.mkv")]
    assert (pairs.ignored, pairs.faults) == (1, ())
    assert faults(find_pairs(["clips"], ["voices/*.jpg"])) == [
        ("voices/*.jpg", 'nothing matches "voices/*.jpg".', True),
    ]
    assert len(find_pairs(["clips"], ["voices"], is_result={Path("clips/a.mp4")}.__contains__).files) == 1


def named(pairs: Targets, out: str | None) -> list[str]:
    return [output.path.as_posix() for output in plan_outputs(pairs.files, out, label="lipsync")]


def test_names_of_results() -> None:
    make("talk.mp4", "me.jpg", "voice.wav")
    assert named(find_pairs(["talk.mp4"], ["voice.wav"]), None) == ["talk_lipsync.mp4"]
    assert named(find_pairs(["me.jpg"], ["voice.wav"]), None) == ["me_lipsync.mp4"]
    assert named(find_pairs(["talk.mp4"], ["voice.wav"]), "{audio}-{stem}-{name}") == ["voice-talk-talk.mp4"]
    with pytest.raises(UsageError, match="unknown placeholder") as refused:
        named(find_pairs(["talk.mp4"], ["voice.wav"]), "{voice}.mp4")
    assert "{audio}" in refused.value.hint
    with pytest.raises(UsageError, match="unknown placeholder") as refused:
        plan_outputs([Path("talk.mp4")], "{audio}.mp4")
    assert "{audio}" not in refused.value.hint


def test_names_of_one_video_s_many_results() -> None:
    make("talk.mp4", "voices/de.wav", "voices/en.wav", "voices/sub/en.wav")
    pairs = find_pairs(["talk.mp4"], ["voices"], "out")
    assert named(pairs, "out") == ["out/talk_de.mp4", "out/talk_en.mp4", "out/sub/talk_en.mp4"]
    assert named(pairs, "out/{parent}/{audio}.mkv") == ["out/de.mkv", "out/en.mkv", "out/sub/en.mkv"]
    assert named(pairs, "{parent}/{name}") == ["talk_de.mp4", "talk_en.mp4", "sub/talk_en.mp4"]
    flat = find_pairs(["talk.mp4"], ["voices/*.wav"])
    assert named(flat, "{stem}_{audio}{suffix}") == ["talk_de.mp4", "talk_en.mp4"]
    with pytest.raises(UsageError, match="more than one target") as refused:
        named(flat, "{stem}_new{suffix}")
    assert '"{stem}_{audio}{suffix}"' in refused.value.hint
    with pytest.raises(UsageError, match="2 targets cannot all") as refused:
        named(flat, "new.mp4")
    assert "{audio}" in refused.value.hint
    with pytest.raises(UsageError, match="told where") as refused:
        named(flat, None)
    assert "{stem}_lipsync{suffix}" in refused.value.hint
    lone = find_pairs(["talk.mp4"], ["voices/de.*"])
    assert named(lone, "out") == ["out/talk_de.mp4"]


def test_a_picture_and_a_video_of_one_name_have_results_of_their_own() -> None:
    make("clips/a.mp4", "clips/a.png", "voices/a.wav")
    assert named(find_pairs(["clips"], ["voices"], "out"), "out") == ["out/a.mp4", "out/a.png.mp4"]


def test_a_result_knows_its_sound() -> None:
    make("talk.mp4", "voice.wav")
    (output,) = plan_outputs(find_pairs(["talk.mp4"], ["voice.wav"]).files, "new.mp4")
    assert output == Output(Path("talk.mp4"), Path("new.mp4"), "replace", "video", sound=Path("voice.wav"))
    assert output.inputs == (Path("talk.mp4"), Path("voice.wav"))


def test_no_input_is_written_to() -> None:
    make("talk.mp4", "voice.mp4", "mix.mp4", "me.jpg")
    for out in ("talk.mp4", "voice.mp4", "mix.mp4"):
        with pytest.raises(OutputError, match="same file as the input") as refused:
            plan_outputs(find_pairs(["talk.mp4"], ["voice.mp4"]).files, out, inputs=[Path("mix.mp4")])
        assert f'"{out}"' in str(refused.value)
    with pytest.raises(UsageError, match=r'what becomes of "me\.jpg" is a video and cannot be written to "x\.jpg"'):
        named(find_pairs(["me.jpg"], ["voice.mp4"]), "x.jpg")
    for out in ("new", "new.wav", "new.xyz"):
        with pytest.raises(UsageError):
            named(find_pairs(["talk.mp4"], ["voice.mp4"]), out)


def test_of_many_only_those_are_refused_that_would_be_written_over_an_input() -> None:
    make("talk.mp4", "voices/de.mp4", "voices/talk.mp4", "voices/x.wav")
    pairs = find_pairs(["talk.mp4"], ["voices"])
    outputs, refused = plan_many(pairs.files, "{audio}{suffix}", was_result=lambda _path: True)
    assert [output.path.name for output in outputs] == ["de.mp4", "x.mp4"]
    assert [(one.target.name, one.sound) for one in refused] == [("talk.mp4", Path("voices/talk.mp4"))]
    make("clips/a.mp4", "clips/b.mp4", "spoken/a.mp4", "spoken/b.wav")
    pairs = find_pairs(["clips"], ["spoken"])
    outputs, refused = plan_many(pairs.files, "spoken/{name}")
    assert [output.path.as_posix() for output in outputs] == ["spoken/b.mp4"]
    assert [(one.target.as_posix(), one.sound) for one in refused] == [("clips/a.mp4", Path("spoken/a.mp4"))]
