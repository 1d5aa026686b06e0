"""What each address answers, with a service behind it that does nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from facefusion_cli.api.settings import Limits, ServeSettings
from facefusion_cli.api.work.admission import Draining, NotReady, QueueFull
from facefusion_cli.api.work.job import Failure
from facefusion_cli.core.faceswap.options import People
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.errors import DeviceError, FaceFusionError, InternalError, OutputError, WeightsMissingError

if TYPE_CHECKING:
    from tests.unit.conftest import Client

LOCKED = ServeSettings(api_key="secret-key")
WORK = ("/faceswap", "/lipsync", "/jobs/faceswap", "/jobs/lipsync")


def _swap(client: Client, *more: Any) -> tuple[dict[str, str], bytes]:
    return client.form(("source_image", client.PNG, "a.png"), ("target_image", client.JPEG, "b.jpg"), *more)


def _now() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def _sync(client: Client, *more: Any) -> tuple[dict[str, str], bytes]:
    return client.form(("video", client.MP4, "a.mp4"), ("audio", client.WAV, "b.wav"), *more)


def test_a_picture_comes_back(client: Client) -> None:
    client.service.notes = ("the target seems to wear glasses – “traces” may show.",)
    answer = client.ask("POST", "/faceswap", *_swap(client))
    assert (answer.status, answer.body) == (200, b"result")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == "6"
    assert answer.headers["x-facefusion-engine"] == "mesh"
    assert json.loads(answer.headers["x-facefusion-notes"]) == list(client.service.notes)


def test_a_video_comes_back(client: Client) -> None:
    answer = client.ask("POST", "/lipsync", *_sync(client, ("fit", "video"), ("no_close_mouth", "true")))
    assert (answer.status, answer.body) == (200, b"result")
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == 'inline; filename="lipsync.mp4"'
    options = client.service.jobs[0].order.options
    assert (options.fit, options.close_mouth) == ("video", False)  # type: ignore[union-attr]


def test_p02_results_without_a_mark_are_refused_unless_the_server_allows_them(client: Client) -> None:
    for path, form in (("/faceswap", _swap), ("/lipsync", _sync), ("/jobs/faceswap", _swap)):
        answer = client.ask("POST", path, *form(client, ("mark", "false")))
        assert (answer.status, answer.json["code"]) == (422, "mark-required")
        assert answer.json["errors"][0]["field"] == "mark"
    assert client.service.jobs == []
    settings = ServeSettings(allow_no_mark=True)
    assert client.ask("POST", "/faceswap", *_swap(client, ("mark", "false")), settings=settings).status == 200
    assert client.ask("POST", "/lipsync", *_sync(client), settings=settings).status == 200
    assert [job.order.options.mark for job in client.service.jobs] == [False, True]


def test_accept_chooses_the_type(client: Client) -> None:
    headers, body = _swap(client)
    answer = client.ask("POST", "/faceswap", headers | {"accept": "image/webp, image/png;q=0.5"}, body)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-disposition"] == 'inline; filename="faceswap.webp"'
    for accept in ("text/html", "video/mp4"):  # the target is a picture
        answer = client.ask("POST", "/faceswap", headers | {"accept": accept}, body)
        assert (answer.status, answer.json["code"]) == (406, "not-acceptable")
    assert client.seen[1] == 0  # nothing of that kind could be made of any target
    answer = client.ask("POST", "/jobs/faceswap", headers | {"accept": "application/json"}, body)
    assert answer.status == 202
    assert client.service.jobs[-1].order.output.suffix == ".jpg"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("face", "nose", '"nose" is no choice of face.'),
        ("source_face", "all", '"all" is no choice of face.'),
        ("start", "soon", '"soon" is no time.'),
        ("crf", "", '"" is no whole number.'),
        ("duration", "0", "a duration of 0 seconds cannot be."),
        ("boost", "9", '"9" is none of auto, 1, 2, 3 or 4.'),
        ("strength", "nan", '"nan" is no number.'),
        ("strength", "1.5", "1.5 is more than 1."),
        ("crf", "-1", "-1 is less than 0."),
        ("crf", "1.5", '"1.5" is no whole number.'),
        ("keep_mouth", "maybe", '"maybe" is neither true nor false.'),
        ("engine", "inswapper", 'this server does not have the engine "inswapper".'),
        ("engine", "wav2lip", '"wav2lip" is none of auto, inswapper or mesh.'),
    ],
)
def test_a_field_that_cannot_be_is_refused(client: Client, field: str, value: str, words: str) -> None:
    answer = client.ask("POST", "/faceswap", *_swap(client, (field, value)))
    assert answer.status == 422
    assert words in answer.json["detail"]
    assert client.service.jobs == []
    assert [*client.service.root.iterdir()] == []


def test_fields_that_the_page_sends_though_nobody_filled_them_in_are_none(client: Client) -> None:
    answer = client.ask("POST", "/lipsync", *_sync(client, ("soundtrack", ""), ("start", ""), ("duration", "")))
    assert answer.status == 200
    options = client.service.jobs[-1].order.options
    assert isinstance(options, LipSyncOptions)
    assert (options.soundtrack, options.video.start, options.video.duration) == (None, None, None)
    assert client.ask("POST", "/faceswap", *_swap(client, ("extra_source", ""), ("reference", ""))).status == 200
    assert client.service.jobs[-1].order.options.people == People()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("face", "all", '"all" is no choice of face.'),
        ("fps", "0", '"0" is no rate.'),
        ("fps", "1000", "1000 frames a second cannot be."),
        ("pads", "1,2", '"1,2" are no pads.'),
        ("fit", "tight", '"tight" is none of audio, video, longest or shortest.'),
        ("mouth_strength", "3", "3 is more than 2."),
        ("sync_offset", "20000", "20000 is more than 10000."),
        ("codec", "prores", "MP4"),
    ],
)
def test_a_field_of_a_lip_sync_that_cannot_be_is_refused(client: Client, field: str, value: str, words: str) -> None:
    answer = client.ask("POST", "/lipsync", *_sync(client, (field, value)))
    assert answer.status == 422
    assert words in answer.json["detail"]


def test_pictures_of_persons_come_along(client: Client) -> None:
    more = [("extra_source", client.PNG, "x"), ("reference", client.JPEG, "x"), ("extra_source", client.JPEG, "x")]
    answer = client.ask("POST", "/faceswap", *_swap(client, *more, ("face", "largest")))  # as the page /docs sends it
    assert answer.status == 200
    people = client.service.jobs[0].order.options.people  # type: ignore[union-attr]
    assert [path.name for path in people.extra_sources] == ["extra_source-1.png", "extra_source-2.jpg"]
    assert people.reference is not None
    assert people.reference.name == "reference.jpg"
    assert client.service.sent[0]["extra_source-2.jpg"] == client.JPEG
    assert client.ask("POST", "/lipsync", *_sync(client, more[1])).status == 200
    reference = client.service.jobs[1].order.options.reference  # type: ignore[union-attr]
    assert reference is not None
    assert reference.name == "reference.jpg"


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ([("extra_source", b"\x89PNG\r\n\x1a\n", "x")] * 5, 422, '"extra_source" is there more than 4 times.'),
        ([("reference", b"\x89PNG\r\n\x1a\n", "x"), ("face", "left")], 422, "only one of them can be."),
        ([("extra_source", b"\0\0\0\x18ftypisom", "x")], 415, '"extra_source" is a video, where a picture is needed.'),
    ],
)
def test_pictures_of_persons_that_cannot_be_are_refused(client: Client, more: Any, status: int, words: str) -> None:
    answer = client.ask("POST", "/faceswap", *_swap(client, *more))
    assert answer.status == status
    assert words in answer.json["detail"]
    assert [*client.service.root.iterdir()] == []


@pytest.mark.parametrize("path", WORK)
@pytest.mark.parametrize(
    ("refusal", "code", "wait"),
    [
        (QueueFull(7), "queue-full", "7"),
        (NotReady("weights are missing."), "not-ready", "5"),
        (Draining(), "shutting-down", "5"),
    ],
)
def test_a08_without_a_place_nothing_is_read(client: Client, path: str, refusal: Any, code: str, wait: str) -> None:
    client.service.refusal = refusal
    answer = client.ask("POST", path, *_swap(client))
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, code, wait)
    assert answer.headers["x-facefusion-engine"] in ("mesh", "mouth")
    assert client.seen == [0]


def test_a_refusal_names_no_file_of_the_machine_but_keeps_addresses(client: Client) -> None:
    client.service.refusal = NotReady('"/srv/models/a b.onnx" is damaged.', hint="GET /ready tells when it is.")
    answer = client.ask("POST", "/faceswap", *_swap(client))
    assert (answer.json["detail"], answer.json["hint"]) == ("a file is damaged.", "GET /ready tells when it is.")


def test_a10_a_client_that_goes_away_ends_its_job(client: Client) -> None:
    client.service.at_once = False
    headers, body = _swap(client)
    answer = client.ask("POST", "/faceswap", headers, [body], leaves=_now())
    assert answer.status == 0
    assert client.service.cancelled == client.service.jobs
    assert client.service.released == client.service.jobs
    assert [*client.service.root.iterdir()] == []


def test_a10_a_client_that_goes_away_in_the_middle_of_the_answer_leaves_nothing(client: Client) -> None:
    client.service.content = bytes(2_000_000)
    leaves = asyncio.Event()
    sent = 0

    async def ask() -> None:
        headers, body = _swap(client)
        await client.ask_app(client.app(), "POST", "/faceswap", headers, [body], leaves=leaves, on_send=on_send)

    def on_send(message: dict[str, Any]) -> Any:
        nonlocal sent
        sent += len(message.get("body", b""))
        if sent:
            leaves.set()
        return asyncio.sleep(0.01)

    asyncio.run(ask())
    assert 0 < sent < 2_000_000
    assert client.service.released == client.service.jobs
    assert [*client.service.root.iterdir()] == []


def test_a_client_that_does_not_read_is_not_waited_for(client: Client) -> None:
    settings = ServeSettings(limits=Limits(idle_seconds=0.05))
    client.ask("POST", "/faceswap", *_swap(client), settings=settings, on_send=lambda _: asyncio.sleep(3600))
    assert client.service.released == client.service.jobs
    assert [*client.service.root.iterdir()] == []


@pytest.mark.parametrize("status", [413, 415, 422, 500, 503, 504, 507])
def test_a13_a_job_that_failed_says_why(client: Client, status: int) -> None:
    client.service.failure = Failure("no-face", "no face was found in the target picture.", "Use another.", status)
    answer = client.ask("POST", "/faceswap", *_swap(client))
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, "no-face")
    assert (answer.json["detail"], answer.json["hint"]) == ("no face was found in the target picture.", "Use another.")
    assert client.service.released == client.service.jobs


def test_a17_ready_says_when_it_is_not(client: Client) -> None:
    assert client.ask("GET", "/ready").json == {
        "status": "ready",
        "engines": {"faceswap": "mesh", "lipsync": "mouth"},
        "device": "cpu",
        "notes": [],
    }
    client.service.ready = False
    answer = client.ask("GET", "/ready")
    assert (answer.status, answer.json["detail"]) == (503, "the weights of the inswapper engine are missing.")
    assert client.ask("GET", "/health").status == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"authorization": "Bearer secret-kez"},
        {"authorization": "Basic secret-key"},
        {"x-api-key": "secret-key2"},
        {"x-api-key": "sécret"},
        {"x-api-key": ""},
    ],
)
@pytest.mark.parametrize("path", [*WORK, "/jobs/0", "/jobs/0/result", "/metrics"])
def test_a18_no_key_or_a_wrong_one_is_refused_unread(client: Client, path: str, given: dict[str, str]) -> None:
    headers, body = _swap(client)
    method = "POST" if path in WORK else "GET"
    answer = client.ask(method, path, headers | given, body, settings=LOCKED)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert client.seen == [0]
    assert client.service.places == 0


def test_a18_the_right_key_opens(client: Client) -> None:
    headers, body = _swap(client)
    for given in ({"authorization": "Bearer secret-key"}, {"x-api-key": "secret-key"}):
        assert client.ask("POST", "/faceswap", headers | given, body, settings=LOCKED).status == 200
    for path in ("/health", "/ready", "/docs", "/openapi.json"):
        assert client.ask("GET", path, settings=LOCKED).status == 200
    assert "secret-key" not in repr(LOCKED)


@pytest.mark.parametrize("path", [*WORK, "/health"])
def test_a20_other_origins_are_told_nothing(client: Client, path: str) -> None:
    origin = {"origin": "http://elsewhere.example", "access-control-request-method": "POST"}
    assert client.ask("OPTIONS", path, origin).status == 405
    answers = [client.ask("OPTIONS", path, origin), client.ask("GET", "/health", origin)]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


def test_a21_the_page_asks_nobody_else(client: Client) -> None:
    page = client.ask("GET", "/docs")
    assert page.status == 200
    found = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.body.decode())
    assert found
    assert not [address for address in found if "//" in address]
    assert client.ask("GET", "/redoc").status == 404


def test_a25_metrics_can_be_read_and_count(client: Client) -> None:
    async def ask() -> str:
        app = client.app()
        for _ in range(3):
            await client.ask_app(app, "POST", "/faceswap", *_swap(client))
        await client.ask_app(app, "GET", "/nowhere")
        answer = await client.ask_app(app, "GET", "/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.body.decode()

    families = text_string_to_metric_families(asyncio.run(ask()))
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value for each in families for sample in each.samples
    }
    assert values[("facefusion_requests_total", "/faceswap", "200", "POST")] == 3
    assert values[("facefusion_requests_total", "404", "GET", "none")] == 1
    assert values[("facefusion_request_seconds_count", "/faceswap")] == 3
    assert values[("facefusion_queued",)] == 1
    assert values[("facefusion_running",)] == 2
    assert values[("facefusion_capacity",)] == 9
    assert values[("facefusion_worker_restarts_total",)] == 3
    assert values[("facefusion_jobs_total", "lipsync", "no-face")] == 5
    assert values[("facefusion_stage_seconds_sum", "faceswap", "waiting")] == 0.5
    assert values[("facefusion_job_seconds_count", "faceswap")] == 4
    assert values[("facefusion_weights", "inswapper_128")] == 0
    assert values[("facefusion_engine", "lipsync", "mouth")] == 1


def test_a26_the_same_request_twice_is_two_requests(client: Client) -> None:
    first, second = (client.ask("POST", "/jobs/faceswap", *_swap(client)) for _ in range(2))
    assert first.json["id"] != second.json["id"]
    assert client.service.sent[0] == client.service.sent[1]
    folders = {job.order.folder for job in client.service.jobs}
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/faceswap"), ("GET", "/health"), ("GET", "/nowhere"), ("GET", "/docs")]
)
def test_a27_every_answer_has_its_headers(client: Client, method: str, path: str) -> None:
    answer = client.ask(method, path, *_swap(client))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-request-id"])
    if path != "/docs":
        assert answer.headers["cache-control"] == "no-store"
    if path == "/faceswap":
        assert answer.headers["content-disposition"] == 'inline; filename="faceswap.jpg"'


def test_a27_a_plain_id_of_the_client_is_kept(client: Client) -> None:
    assert client.ask("GET", "/health", {"x-request-id": "trace-42.a_b"}).headers["x-request-id"] == "trace-42.a_b"
    for strange in ("a b", 'x"y', "é", "x" * 65, ""):
        assert client.ask("GET", "/health", {"x-request-id": strange}).headers["x-request-id"] != strange


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("boom at /home/somebody/secret.py"), 500, "bug"),
        (InternalError("this is a bug in facefusion: KeyError: '/home/somebody'."), 500, "bug"),
        (OutputError('cannot write "/home/somebody/x": no.', hint="Look at /home/somebody/y."), 500, "output"),
        (WeightsMissingError("the weights in /home/somebody/models are missing."), 503, "weights-missing"),
        (DeviceError("no GPU."), 503, "device"),
        (FaceFusionError("there is not enough memory."), 500, "failure"),
    ],
)
def test_a28_an_error_tells_neither_paths_nor_traces(
    client: Client, error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(client.service, "submit", fail)
    answer = client.ask("POST", "/faceswap", *_swap(client))
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    for secret in ("somebody", "Traceback", "secret", ".py"):
        assert secret not in answer.body.decode()
    assert set(answer.json) >= {"type", "title", "status", "detail", "code", "hint", "instance", "request_id"}
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert [*client.service.root.iterdir()] == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/faceswap", "POST"),
        ("PUT", "/lipsync", "POST"),
        ("POST", "/jobs/0", "GET, HEAD, DELETE"),
        ("DELETE", "/jobs/0/result", "GET, HEAD"),
        ("TRACE", "/health", "GET, HEAD"),
        ("BREW", "/metrics", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
    ],
)
def test_a29_a_wrong_method_is_told_the_right_ones(client: Client, method: str, path: str, allowed: str) -> None:
    answer = client.ask(method, path)
    assert (answer.status, answer.json["code"], answer.headers["allow"]) == (405, "wrong-method", allowed)


def test_head_is_get_without_a_body(client: Client) -> None:
    """RFC 9110, 9.3.2."""
    client.service.content = bytes(600_000)  # more than is read at a time

    async def ask() -> None:
        app = client.app()
        place = (await client.ask_app(app, "POST", "/jobs/faceswap", *_swap(client))).headers["location"]
        paths = ["/health", "/ready", "/metrics", "/docs", "/openapi.json", "/nowhere", place, f"{place}/result"]
        for path in paths:
            got = await client.ask_app(app, "GET", path, {"x-request-id": "one"})
            head = await client.ask_app(app, "HEAD", path, {"x-request-id": "one"})
            assert (head.status, head.body) == (got.status, b"")
            if path != "/metrics":  # it has counted one more meanwhile
                assert head.headers == got.headers
        assert int(head.headers["content-length"]) == 600_000
        counts = (await client.ask_app(app, "GET", "/metrics")).body.decode()
        assert 'facefusion_requests_total{method="HEAD",route="/health",status="200"} 1.0' in counts
        refused = await client.ask_app(app, "HEAD", "/faceswap")
        assert (refused.status, refused.body, refused.headers["allow"]) == (405, b"", "POST")

    asyncio.run(ask())


def test_a_job_can_be_followed(client: Client) -> None:
    service = client.service
    service.at_once = False

    async def follow() -> None:
        app = client.app()

        async def ask(method: str, path: str) -> Any:
            return await client.ask_app(app, method, path)

        begun = await client.ask_app(app, "POST", "/jobs/faceswap", *_swap(client))
        assert begun.status == 202
        place = begun.headers["location"]
        assert place == f"/jobs/{begun.json['id']}"
        assert (begun.json["state"], begun.json["result"]) == ("queued", None)
        early = await ask("GET", f"{place}/result")
        assert (early.status, early.json["code"], early.headers["retry-after"]) == (409, "not-finished", "1")
        service.jobs[0].begin()
        service.jobs[0].advance("swapping", 0.5)
        running = (await ask("GET", place)).json
        assert (running["state"], running["stage"], running["progress"]) == ("running", "swapping", 0.5)
        service.finish(service.jobs[0])
        done = (await ask("GET", place)).json
        assert (done["state"], done["progress"], done["result"]) == ("done", 1.0, f"{place}/result")
        for _ in range(2):  # it can be fetched again
            result = await ask("GET", f"{place}/result")
            assert (result.status, result.body, result.headers["content-type"]) == (200, b"result", "image/jpeg")
        assert (await ask("DELETE", place)).status == 204
        assert (await ask("GET", place)).json["code"] == "no-job"
        assert (await ask("DELETE", place)).status == 404

    asyncio.run(follow())


def test_a_result_that_goes_at_the_very_moment_is_not_there(client: Client) -> None:
    async def ask() -> None:
        app = client.app()
        place = (await client.ask_app(app, "POST", "/jobs/faceswap", *_swap(client))).headers["location"]
        client.service.jobs[0].order.output.unlink()
        answer = await client.ask_app(app, "GET", f"{place}/result")
        assert (answer.status, answer.json["code"]) == (404, "no-job")

    asyncio.run(ask())


def test_a_job_that_waits_is_cancelled(client: Client) -> None:
    client.service.at_once = False

    async def cancel() -> None:
        app = client.app()
        place = (await client.ask_app(app, "POST", "/jobs/lipsync", *_sync(client))).headers["location"]
        assert (await client.ask_app(app, "DELETE", place)).status == 204
        assert (await client.ask_app(app, "GET", place)).json["state"] == "cancelled"
        answer = await client.ask_app(app, "GET", f"{place}/result")
        assert (answer.status, answer.json["code"]) == (409, "cancelled")

    asyncio.run(cancel())


def test_a_kept_failure_is_answered_where_the_result_would_be(client: Client) -> None:
    client.service.failure = Failure("timeout", "the work took too long.", "", 504)

    async def ask() -> None:
        app = client.app()
        begun = await client.ask_app(app, "POST", "/jobs/faceswap", *_swap(client))
        assert begun.json["error"] == {
            "status": 504,
            "code": "timeout",
            "detail": "the work took too long.",
            "hint": "",
        }
        answer = await client.ask_app(app, "GET", f"{begun.headers['location']}/result")
        assert (answer.status, answer.json["code"]) == (504, "timeout")

    asyncio.run(ask())


def test_while_it_ends_nothing_is_taken(client: Client) -> None:
    from facefusion_cli.api.app import front_of

    async def ask() -> None:
        app = client.app()
        front_of(app).draining = True
        answer = await client.ask_app(app, "POST", "/faceswap", *_swap(client))
        assert (answer.status, answer.json["code"]) == (503, "shutting-down")
        assert (await client.ask_app(app, "GET", "/ready")).status == 503
        assert (await client.ask_app(app, "GET", "/health")).status == 200

    asyncio.run(ask())


def test_what_nobody_thought_of_is_found_in_the_log_by_its_id(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(client.service, "submit", fail)
    answer = client.ask("POST", "/faceswap", *_swap(client))
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.facts == {"request_id": answer.json["request_id"]}  # type: ignore[attr-defined]


def test_the_log_has_facts_and_no_names(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "facefusion_cli")
    headers, body = client.form(("source_image", client.PNG, "my-face.png"), ("target_image", client.JPEG, "you.jpg"))
    key = {"x-api-key": "secret-key"}
    answer = client.ask("POST", "/faceswap", headers | key, body, settings=LOCKED)
    client.ask("GET", "/jobs/abc?token=x", key, settings=LOCKED)
    (record, second) = [record for record in caplog.records if record.getMessage() == "request"]
    facts: dict[str, Any] = record.facts  # type: ignore[attr-defined]
    assert facts["request_id"] == answer.headers["x-request-id"]
    assert (facts["route"], facts["status"], facts["engine"]) == ("/faceswap", 200, "mesh")
    assert (facts["received_bytes"], facts["sent_bytes"]) == (len(body), 6)
    assert facts["job"] == client.service.jobs[0].id
    told = json.dumps(facts) + json.dumps(second.facts)  # type: ignore[attr-defined]
    for secret in ("my-face", "you.jpg", "secret-key", "token"):
        assert secret not in told
