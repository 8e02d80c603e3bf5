"""What stands for a value."""

import hashlib
import math

import pytest

from penstock_predictor.records.pseudonym import as_text, pseudonym


def test_it_is_the_beginning_of_the_sha256_of_the_text() -> None:
    assert pseudonym("née") == hashlib.sha256("née".encode()).hexdigest()[:16]


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (7, "7"), (0.5, "0.5"), ("7", "7")])
def test_numbers_are_hashed_as_text(value: object, text: str) -> None:
    assert as_text(value) == text
    assert pseudonym(value) == pseudonym(text)


@pytest.mark.parametrize("missing", [math.nan, ""])
def test_what_is_missing_stays_missing(missing: object) -> None:
    assert pseudonym(missing) == ""
