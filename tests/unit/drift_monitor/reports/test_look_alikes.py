from hypothesis import given
from hypothesis import strategies as st

from penstock_drift_monitor.reports.look_alikes import LONGEST, look_alike, look_alikes

HOSTILE = "</script><script>alert(1)</script>"


def test_a_closing_script_tag_is_no_markup_any_more_and_still_readable() -> None:
    shown = look_alike(HOSTILE)

    assert not set(shown) & set("<>&\"'`")
    assert "script" in shown
    assert "alert(1)" in shown


def test_control_characters_and_direction_marks_are_made_visible() -> None:
    assert look_alike("a\n\x7fb\u202ec\ud800\u2028") == "a␊␡b\ufffdc\ufffd\ufffd"


def test_an_empty_name_and_a_long_one_can_be_shown() -> None:
    assert look_alike("") == "(empty)"
    assert look_alike("x" * 10_000) == "x" * LONGEST + "…"


def test_names_that_look_alike_stay_two() -> None:
    made = look_alikes(["<a>", look_alike("<a>"), "<a>", f"{look_alike('<a>')} (2)"])

    assert len(made) == len(set(made.values())) == 3


@given(st.lists(st.text(alphabet="<>\u2039\u203a\x00\x01 ()2a", max_size=4), unique=True, max_size=40))
def test_no_two_names_ever_become_one_and_none_holds_markup(names: list[str]) -> None:
    made = look_alikes(names)

    assert set(made) == set(names)
    assert len(set(made.values())) == len(names)
    assert not set("".join(made.values())) & set("<>&\"'`\x00\x01")


@given(st.text(alphabet=st.characters(), max_size=90))
def test_every_text_can_be_written_as_utf_8(text: str) -> None:
    assert look_alike(text).encode()
