"""The plots of the page of figures show the numbers of its tables."""

import importlib.util
from types import ModuleType

import pytest

from penstock_testing.platform import ROOT

PAGE = """
| its failures | tries of it until it is rolled back, median / 95 % |
| --- | --- |
| 2 points more | 419 / 1,196 |
| all | 52 / 64 |

Users see none of these.
"""


@pytest.fixture(scope="module")
def plots() -> ModuleType:
    """The program that draws them."""
    spec = importlib.util.spec_from_file_location("plots", ROOT / "docs" / "site" / "plots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_number_of_a_table_gets_a_bar_of_its_length(plots: ModuleType) -> None:
    _, plot = plots.PLOTS
    rows = plots.rows_of(PAGE, plot)
    assert rows == [("2 points more", [419, 1196]), ("all", [52, 64])]
    bars = [line for line in plots.drawn(plot, rows).splitlines() if line.endswith("</text>") and "<rect" in line]
    lengths = [float(bar.split('width="')[1].split('"')[0]) for bar in bars]
    assert [round(length / lengths[1], 2) for length in lengths] == [0.35, 1.0, 0.04, 0.05]
    assert [bar.split(">")[-2].removesuffix("</text") for bar in bars] == ["419", "1,196", "52", "64"]


def test_a_row_without_its_numbers_is_named(plots: ModuleType) -> None:
    with pytest.raises(ValueError, match="'all' has not the numbers"):
        plots.rows_of(PAGE.replace("52 / 64", "none"), plots.PLOTS[1])


def test_a_table_that_is_gone_is_named(plots: ModuleType) -> None:
    with pytest.raises(ValueError, match="'its failures'"):
        plots.rows_of("# Performance\n", plots.PLOTS[1])
