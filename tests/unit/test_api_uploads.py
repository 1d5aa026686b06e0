"""Forms that come in: how large, of what kind, how malformed, and what is left of them."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.api import uploads
from facefusion_cli.api.settings import Limits, ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.conftest import Client

SMALL = ServeSettings(limits=Limits(swap_bytes=300_000, picture_bytes=200_000))


def _left(client: Client) -> list[Path]:
    return [*client.service.root.rglob("*")]


def test_a01_a_body_that_says_it_is_too_large_is_not_read(client: Client) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "300001"}
    answer = client.ask("POST", "/faceswap", headers, b"x", settings=SMALL)
    assert (answer.status, answer.json["code"]) == (413, "too-large")
    assert client.seen == [0]
    assert _left(client) == []


def test_a02_a_body_of_unknown_length_is_stopped_at_the_limit(client: Client) -> None:
    on_disk = []

    def pieces() -> Iterator[bytes]:
        _, body = client.form(("target_image", client.MP4, "a"))
        yield body.removesuffix(b"\r\n--b--\r\n")
        for _ in range(200):
            on_disk.append(sum(path.stat().st_size for path in _left(client) if path.is_file()))
            yield bytes(50_000)

    headers, _ = client.form()
    answer = client.ask("POST", "/faceswap", headers, pieces(), settings=SMALL)
    assert (answer.status, answer.json["code"]) == (413, "too-large")
    assert client.seen[0] <= 400_000
    assert max(on_disk) <= 300_000 + 1_000_000
    assert _left(client) == []


def test_a02_a_picture_has_a_limit_of_its_own(client: Client) -> None:
    headers, body = client.form(("source_image", client.PNG + bytes(200_000), "a"))
    answer = client.ask("POST", "/faceswap", headers, body, settings=SMALL)
    assert answer.status == 413
    assert '"source_image" is too large: 200.0 kB' in answer.json["detail"]
    headers, body = client.form(("source_image", client.PNG, "a"), ("target_image", client.MP4 + bytes(250_000), "b"))
    assert client.ask("POST", "/faceswap", headers, body, settings=SMALL).status == 200


@pytest.mark.parametrize(
    ("path", "parts", "missing"),
    [
        ("/faceswap", [], ["source_image", "target_image"]),
        ("/faceswap", [("source_image", b"\xff\xd8\xff\xe0", "a")], ["target_image"]),
        ("/lipsync", [("audio", b"fLaC", "a")], ["video"]),
        ("/jobs/lipsync", [("video", b"\xff\xd8\xff\xe0", "a")], ["audio"]),
    ],
)
def test_a03_a_missing_file_is_named(client: Client, path: str, parts: list[Any], missing: list[str]) -> None:
    answer = client.ask("POST", path, *client.form(*parts))
    assert (answer.status, answer.json["code"]) == (422, "field-missing")
    assert [each["field"] for each in answer.json["errors"]] == missing
    assert answer.headers["content-type"] == "application/problem+json"


def test_a03_no_body_at_all_is_a_form_without_files(client: Client) -> None:
    assert client.ask("POST", "/faceswap").json["code"] == "field-missing"


@pytest.mark.parametrize(
    ("extra", "status", "code"),
    [
        (("other", b"x", "x.png"), 422, "bad-field"),
        (("source_image", b"\xff\xd8\xff\xe0", "x.png"), 422, "bad-field"),
        (("face", b"largest", "x.txt"), 422, "bad-field"),
        (("face", "x" * 1001), 422, "bad-field"),
        (("face", b"\xff\xfe"), 422, "bad-field"),
        (("no/such\0field", "1"), 422, "bad-field"),
        (("n" * 101, "1"), 400, "malformed"),
    ],
)
def test_a04_what_is_in_no_form_is_refused(client: Client, extra: Any, status: int, code: str) -> None:
    answer = client.ask("POST", "/faceswap", *client.form(("source_image", client.PNG, "a"), extra))
    assert (answer.status, answer.json["code"]) == (status, code)
    assert _left(client) == []


def test_a04_a_form_of_a_thousand_parts_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads._Reader, "take", lambda *_: None)  # what it makes of the fields does not matter
    answer = client.ask("POST", "/faceswap", *client.form(*[("face", "left")] * 1001))
    assert (answer.status, answer.json["code"]) == (400, "too-many-parts")


@pytest.mark.parametrize(
    ("field", "content", "sentence"),
    [
        ("source_image", b"hello", '"source_image" is not a picture.'),
        ("source_image", b"\0\0\0\x18ftypisom", '"source_image" is a video, where a picture is needed.'),
        ("source_image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", '"source_image" is an SVG drawing, which'),
        ("target_image", b"ffconcat version 1.0\nfile /etc/passwd\n", '"target_image" is neither a picture nor a'),
        ("target_image", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n", '"target_image" is neither a picture nor'),
        ("target_image", b"RIFF\x24\0\0\0WAVEfmt ", '"target_image" is neither a picture nor a video.'),
    ],
)
def test_a05_content_counts_and_no_name(client: Client, field: str, content: bytes, sentence: str) -> None:
    answer = client.ask("POST", "/faceswap", *client.form((field, content, "face.jpg")))
    assert (answer.status, answer.json["code"]) == (415, "wrong-kind")
    assert answer.json["detail"].startswith(sentence)


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("video", b"RIFF\x24\0\0\0WAVEfmt "),
        ("video", b"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>"),
        ("audio", b"\x89PNG\r\n\x1a\n"),
        ("audio", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"),
        ("soundtrack", b"text"),
    ],
)
def test_a05_lip_sync_looks_at_content_too(client: Client, field: str, content: bytes) -> None:
    answer = client.ask("POST", "/lipsync", *client.form((field, content, "talk.mp4")))
    assert (answer.status, answer.json["code"]) == (415, "wrong-kind")
    assert f'"{field}" is neither' in answer.json["detail"]


def test_a05_a_file_is_looked_at_before_it_has_come_to_its_end(client: Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        for _ in range(50):
            yield b"text" * 1000

    assert client.ask("POST", "/lipsync", client.form()[0], pieces()).status == 415
    assert client.seen[0] < 10_000


@pytest.mark.parametrize("name", ["../../x.png", "/etc/passwd", "a\0b", "x" * 4000, "", "é\\..\\.."])
def test_a07_a_file_name_means_nothing(client: Client, name: str) -> None:
    answer = client.ask(
        "POST", "/faceswap", *client.form(("source_image", client.PNG, name), ("target_image", client.JPEG, name))
    )
    assert answer.status == 200
    assert client.service.sent == [{"source_image.png": client.PNG, "target_image.jpg": client.JPEG}]


def test_a07_a_head_of_a_part_that_is_too_long_is_malformed(client: Client) -> None:
    answer = client.ask("POST", "/faceswap", *client.form(("source_image", client.PNG, "x" * 10_000)))
    assert (answer.status, answer.json["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"content-type": "multipart/form-data; boundary=b"}, b"nonsense", 400, "malformed"),
        ({"content-type": "multipart/form-data; boundary=b"}, b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n", 400, "malformed"),
        ({"content-type": "multipart/form-data; boundary=b"}, b"--b\r\nContent-Disp", 400, "malformed"),
        ({"content-type": "multipart/form-data; boundary=b"}, b"", 400, "malformed"),
        ({"content-type": "multipart/form-data"}, b"--b--\r\n", 400, "malformed"),
        ({"content-type": f"multipart/form-data; boundary={'b' * 500}"}, b"--b--\r\n", 400, "malformed"),
        ({"content-type": "application/json"}, b"{}", 415, "wrong-body"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"face=left", 415, "wrong-body"),
        (
            {"content-type": "multipart/form-data; boundary=b", "content-encoding": "gzip"},
            b"\x1f\x8b",
            415,
            "compressed",
        ),
    ],
)
def test_a30_what_is_no_form_is_refused(
    client: Client, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = client.ask("POST", "/faceswap", headers, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers.get("accept-encoding") == ("identity" if code == "compressed" else None)
    assert _left(client) == []
    assert client.service.places == 0


def test_a30_a_form_cut_short_is_refused(client: Client) -> None:
    headers, body = client.form(("source_image", client.PNG, "a"), ("target_image", client.JPEG, "b"))
    answer = client.ask("POST", "/faceswap", headers, body[:-8])
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert _left(client) == []


def test_a32_the_folder_is_private_and_always_removed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = uploads._Reader._open

    def opened(reader: Any) -> None:
        real(reader)
        modes.append(stat.S_IMODE(reader._folder.stat().st_mode))
        modes.append(stat.S_IMODE(next(reader._folder.iterdir()).stat().st_mode))

    monkeypatch.setattr(uploads._Reader, "_open", opened)
    headers, body = client.form(("source_image", client.PNG, "a"), ("target_image", client.JPEG, "b"))
    assert client.ask("POST", "/faceswap", headers, body).status == 200
    assert set(modes) <= {0o700, 0o600}
    assert _left(client) == []
    half = [body[: len(body) // 2], client.GONE]
    assert client.ask("POST", "/faceswap", headers, half).status == 0
    assert _left(client) == []
    assert client.service.places == 0


@pytest.mark.parametrize("size", [1, 700, 4096, 100_000])
def test_pieces_of_any_size_make_the_same_files(client: Client, size: int) -> None:
    """Bytes that look like the end of a part, but are not."""
    picture = client.PNG + (bytes(range(256)) + b"\r\n--") * (2 if size == 1 else 3000)
    headers, body = client.form(("source_image", picture, "a"), ("face", "0,2"), ("target_image", client.JPEG, "b"))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert client.ask("POST", "/faceswap", headers, pieces).status == 200
    assert client.service.sent[0]["source_image.png"] == picture
    assert client.service.jobs[0].order.options.face.indices == (0, 2)


def test_a_file_that_was_not_chosen_is_not_there(client: Client) -> None:
    parts = [("video", client.MP4, "a"), ("audio", client.WAV, "b"), ("soundtrack", b"", "")]
    assert client.ask("POST", "/lipsync", *client.form(*parts)).status == 200
    assert "soundtrack" not in client.service.sent[0]
    answer = client.ask("POST", "/lipsync", *client.form(("video", b"", "a.mp4")))
    assert (answer.status, answer.json["detail"]) == (422, '"video" is empty.')


def test_a_full_disk_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr(uploads, "_write", full)
    headers, body = client.form(("source_image", client.PNG, "a"), ("target_image", client.JPEG, "b"))
    answer = client.ask("POST", "/faceswap", headers, body)
    assert (answer.status, answer.json["code"]) == (507, "disk-full")
    assert "secret" not in answer.body.decode()


def test_a_slow_body_is_not_waited_for(client: Client) -> None:
    import asyncio

    settings = ServeSettings(limits=Limits(idle_seconds=0.05))
    headers, body = client.form(("source_image", client.PNG, "a"))
    pieces: list[Any] = [body[:50], asyncio.sleep(60)]
    answer = client.ask("POST", "/faceswap", headers, pieces, settings=settings)
    assert (answer.status, answer.json["code"]) == (408, "too-slow")
    assert answer.headers["connection"] == "close"
