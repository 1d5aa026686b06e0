"""What ``/openapi.json`` promises."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.api.settings import ServeSettings

if TYPE_CHECKING:
    from tests.unit.conftest import Client

WORK = {"400", "406", "408", "413", "415", "422", "500", "503", "504", "507"}
SEND = WORK - {"504"}
EXPECTED = {
    ("/faceswap", "post"): {"200", *WORK},
    ("/lipsync", "post"): {"200", *WORK},
    ("/jobs/faceswap", "post"): {"202", *SEND},
    ("/jobs/lipsync", "post"): {"202", *SEND},
    ("/jobs/{job_id}", "get"): {"200", "404"},
    ("/jobs/{job_id}", "delete"): {"204", "404"},
    ("/jobs/{job_id}/result", "get"): {"200", "404", "409", "413", "415", "422", "500", "503", "504", "507"},
    ("/health", "get"): {"200"},
    ("/ready", "get"): {"200", "503"},
    ("/metrics", "get"): {"200"},
}
OPEN = ("/health", "/ready")
NO_FIELDS = """
context files out no_clobber no_mark mapping preview no_resume jobs force dry_run
device precision threads models_dir chunk_seconds json quiet verbose
"""
"""Options of the command that are about files and terminals, or for whoever runs the service to choose."""


def _document(client: Client, key: str | None = None) -> Any:
    return client.ask("GET", "/openapi.json", settings=ServeSettings(api_key=key)).json


@pytest.mark.parametrize("key", [None, "secret-key"])
def test_a23_every_status_is_declared(client: Client, key: str | None) -> None:
    document = _document(client, key)
    found = {
        (path, method): set(operation["responses"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    locked = {place: {"401"} if key and place[0] not in OPEN else set() for place in EXPECTED}
    assert found == {place: statuses | locked[place] for place, statuses in EXPECTED.items()}
    for path, method in EXPECTED:
        assert ("security" in document["paths"][path][method]) is bool(locked[(path, method)])


def test_a23_errors_are_problem_documents(client: Client) -> None:
    document = _document(client)
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                assert "X-Request-ID" in answer["headers"]
                if status >= "400":
                    assert [*answer["content"]] == ["application/problem+json"]
    assert "HTTPValidationError" not in json.dumps(document)


def test_a23_all_references_lead_somewhere(client: Client) -> None:
    document = _document(client)
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names == set(schemas)


def test_a23_results_and_files_are_binary(client: Client) -> None:
    document = _document(client)
    binary = {"type": "string", "format": "binary"}
    for path, method, named in (
        ("/faceswap", "post", "image/png"),
        ("/lipsync", "post", "video/mp4"),
        ("/jobs/{job_id}/result", "get", "image/jpeg"),
    ):
        content = document["paths"][path][method]["responses"]["200"]["content"]
        assert content[named]["schema"] == binary
        assert {each["schema"]["format"] for each in content.values()} == {"binary"}
    for path, files in (("/faceswap", ["source_image", "target_image"]), ("/lipsync", ["video", "audio"])):
        for prefix in ("", "/jobs"):
            body = document["paths"][prefix + path]["post"]["requestBody"]
            schema = body["content"]["multipart/form-data"]["schema"]
            assert schema["required"] == files
            assert all(schema["properties"][name]["format"] == "binary" for name in files)
            assert schema["properties"]["reference"]["format"] == "binary"
            assert schema["additionalProperties"] is False


def test_a23_a_field_of_several_files_is_a_list(client: Client) -> None:
    body = _document(client)["paths"]["/faceswap"]["post"]["requestBody"]
    extra = body["content"]["multipart/form-data"]["schema"]["properties"]["extra_source"]
    assert (extra["type"], extra["maxItems"], extra["default"]) == ("array", 4, [])
    assert extra["items"] == {"type": "string", "format": "binary"}


def test_fields_are_the_options_of_the_command_with_its_defaults(client: Client) -> None:
    """So that a new option is not forgotten here: each is a field, or is listed as none."""
    import inspect

    from facefusion_cli.cli.faceswap import faceswap
    from facefusion_cli.cli.lipsync import lipsync

    document = _document(client)
    for command in (faceswap, lipsync):
        body = document["paths"][f"/{command.__name__}"]["post"]["requestBody"]
        properties = body["content"]["multipart/form-data"]["schema"]["properties"]
        files = {name for name, schema in properties.items() if "binary" in json.dumps(schema)}
        texts = set(properties) - files
        assert (properties["mark"]["default"], properties["mark"]["enum"]) == (True, [True])
        texts.remove("mark")  # the command's --no-mark the other way round
        options = inspect.signature(command).parameters
        assert texts | (files & set(options)) == set(options) - set(NO_FIELDS.split())
        assert files - set(options) <= {"source_image", "target_image", "video", "audio"}
        for name in texts - {"face", "start", "duration"}:  # where the command has None for the usual
            assert properties[name]["default"] == options[name].default, name
