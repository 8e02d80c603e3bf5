import json

import pytest

from penstock_cli.api_errors import error_of
from penstock_cli.errors import AnnotationConflict, CliError, ObjectNotFound, WatchTooOld

STATUS = {"kind": "Status", "message": "said by the API server"}


@pytest.mark.parametrize(
    ("code", "body", "kind", "text"),
    [
        (401, STATUS, CliError, "renew the credentials"),
        (403, STATUS, CliError, "you lack a right: said by the API server"),
        (404, STATUS, ObjectNotFound, "look: said by the API server"),
        (404, None, CliError, "Penstock is not installed"),
        (409, STATUS, AnnotationConflict, "said by the API server"),
        (410, STATUS, WatchTooOld, "said by the API server"),
        (500, STATUS, CliError, "HTTP 500: said by the API server"),
        (503, None, CliError, "HTTP 503: 404 page not found"),
    ],
)
def test_an_error_says_what_failed_and_why(code: int, body: object, kind: type[CliError], text: str) -> None:
    answer = json.dumps(body).encode() if body else b"404 page not found\n"
    error = error_of("look", code, answer)
    assert type(error) is kind
    assert str(error).startswith("look: ")
    assert text in str(error)
