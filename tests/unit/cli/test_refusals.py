import json

import pytest

from penstock_cli.errors import Conflict, Expired, Gone, Trouble
from penstock_cli.refusals import refusal

STATUS = {"kind": "Status", "message": "said by the API server"}


@pytest.mark.parametrize(
    ("code", "body", "kind", "text"),
    [
        (401, STATUS, Trouble, "renew the credentials"),
        (403, STATUS, Trouble, "you lack a right: said by the API server"),
        (404, STATUS, Gone, "look: said by the API server"),
        (404, None, Trouble, "Penstock is not installed"),
        (409, STATUS, Conflict, "said by the API server"),
        (410, STATUS, Expired, "said by the API server"),
        (500, STATUS, Trouble, "HTTP 500: said by the API server"),
        (503, None, Trouble, "HTTP 503: 404 page not found"),
    ],
)
def test_a_refusal_says_what_failed_and_why(code: int, body: object, kind: type[Trouble], text: str) -> None:
    told = json.dumps(body).encode() if body else b"404 page not found\n"
    found = refusal("look", code, told)
    assert type(found) is kind
    assert str(found).startswith("look: ")
    assert text in str(found)
