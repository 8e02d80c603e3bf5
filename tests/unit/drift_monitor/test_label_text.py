"""Labels that are one, whoever wrote them."""

import pytest

from penstock_drift_monitor.errors import Unreadable
from penstock_drift_monitor.label_text import label_text
from penstock_drift_monitor.routes.labels import checked, read_labels


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (7, "7"),
        ("7", "7"),
        (7.0, "7"),
        ("7.0", "7"),
        ("+7", "7"),
        ("007", "007"),
        (True, "1"),
        ("False", "0"),
        (0.5, "0.5"),
        ("5e-1", "0.5"),
        ("fraud", "fraud"),
        (" 7", " 7"),
        (10**400, str(10**400)),
    ],
)
def test_equal_labels_are_equal_texts(given: object, text: str) -> None:
    assert label_text(given) == text


@pytest.mark.parametrize("given", [None, "", float("nan"), float("inf"), "1e999", []])
def test_what_is_no_label_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="is no label"):
        label_text(given)


def test_a_bad_label_among_good_ones_is_counted_and_the_others_are_taken() -> None:
    batch = read_labels(b'{"labels": [{"id": 7, "label": 1}, {"id": "", "label": 1}, {"id": "b", "label": ""}]}', "")
    read = checked(batch)
    assert [(label.request, label.label) for label in read.labels] == [("7", "1")]
    assert (read.invalid, len(read.examples)) == (2, 2)


def test_csv_takes_columns_in_any_order() -> None:
    read = checked(read_labels(b"row,label,id\r\n2,1,a\r\n,0,b\r\n", "text/csv"))
    assert [(label.request, label.row, label.label) for label in read.labels] == [("a", 2, "1"), ("b", 0, "0")]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"[]", "application/json", "send"),
        (b'{"labels": [{"label": 1}]}', "application/json", "labels.0.id"),
        (b'{"labels": [{"id": "a", "label": 1, "row": -1}]}', "application/json", "labels.0.row"),
        (b"request,label\na,1\n", "text/csv", "header"),
        (b"\xff", "text/csv", "UTF-8"),
        (b"", "text/csv", "header"),
    ],
)
def test_a_body_that_cannot_be_read_says_where(body: bytes, kind: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_labels(body, kind)
