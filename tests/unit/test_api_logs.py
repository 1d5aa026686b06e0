"""Lines of the log."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

from facefusion_cli.api.logs import logging_to

if TYPE_CHECKING:
    import pytest


def test_a_line_is_json_and_ascii() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        log = logging.getLogger("facefusion_cli.api.somewhere")
        log.info("request", extra={"facts": {"status": 200, "seconds": 0.5}})
        log.debug("too fine")
        log.warning("a sentence\nof two lines, größer")
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("a request failed")
    first, second, third = stream.getvalue().splitlines()
    assert first.isascii()
    facts = json.loads(first)
    assert facts.pop("time").endswith("+00:00")
    assert facts == {"level": "info", "event": "request", "status": 200, "seconds": 0.5}
    assert json.loads(second)["event"] == "a sentence\nof two lines, größer"
    assert "ValueError: boom" in json.loads(third)["trace"]


def test_what_clients_send_wrong_writes_no_lines_of_others() -> None:
    stream = io.StringIO()
    with logging_to(stream, level=logging.DEBUG):
        logging.getLogger("python_multipart.multipart").warning("Expected boundary character 45, got 49 at index 2")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        logging.getLogger("uvicorn.error").error("something of the server's own")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "something of the server's own"


def test_afterwards_everything_is_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("facefusion_cli")
    before = (logger.level, logger.propagate, [*logger.handlers])
    with logging_to(io.StringIO()):
        assert not logger.propagate
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_a_reader_that_has_gone_does_no_harm() -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    with logging_to(Broken()):
        logging.getLogger("facefusion_cli").warning("nobody hears it")
