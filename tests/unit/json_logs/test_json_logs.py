import json
import logging

from penstock_json_logs import JsonFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": message, "created": 0.0})
    vars(made).update(extra)
    return made


def test_a_line_is_one_json_object_with_the_extra_fields() -> None:
    line = JsonFormatter().format(record("two\nlines", digest="sha256:0"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "INFO",
        "logger": "n",
        "message": "two\nlines",
        "digest": "sha256:0",
    }


def test_what_json_cannot_say_is_written_as_text() -> None:
    assert json.loads(JsonFormatter().format(record("m", where=ValueError("x"))))["where"] == "x"


def test_an_exception_is_part_of_the_line() -> None:
    error = KeyError("lost")
    line = JsonFormatter().format(record("m", exc_info=(KeyError, error, None)))
    assert "KeyError: 'lost'" in json.loads(line)["exception"]
