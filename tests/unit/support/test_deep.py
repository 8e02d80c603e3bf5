from typing import Any

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("chosen", "ran"),
    [((), 1), (("-k", "long"), 1), (("test_rows.py::test_long",), 1), (("-k", "test"), 2)],
)
def test_a_deep_test_is_left_out_but_where_somebody_chooses(
    pytester: Any, monkeypatch: pytest.MonkeyPatch, chosen: tuple[str, ...], ran: int
) -> None:
    pytester.makeconftest(
        "from penstock_testing import deep\n"
        "deep.DEEP = False\n"
        "def pytest_configure(config): config.pluginmanager.register(deep.DeepTests())\n"
    )
    pytester.makepyfile(test_rows="import pytest\n@pytest.mark.deep\ndef test_long(): pass\ndef test_short(): pass\n")
    pytester.runpytest_inprocess(*chosen).assert_outcomes(passed=ran)
