"""The page of a release is the changelog's section."""

import pytest

from release import chart, version
from release.changelog import PAGE, ChangelogError, page, section

TEXT = """# Changelog

## [Unreleased]

## [1.1.0] - 2026-12-01

### Added

- One.

## [1.0.0]

### Added

- Zero.

[Unreleased]: https://example.com
"""


def test_a_section_ends_where_the_next_begins() -> None:
    assert section(TEXT, "1.1.0") == "### Added\n\n- One."


@pytest.mark.parametrize(("number", "told"), [("1.2.0", r"no section \[1.2.0\]"), ("1.0.0", "ends in no date")])
def test_a_version_of_which_nothing_is_written_is_not_released(number: str, told: str) -> None:
    with pytest.raises(ChangelogError, match=told):
        section(TEXT, number)


def test_a_tag_of_another_version_is_not_released() -> None:
    with pytest.raises(ChangelogError, match=r"the tag is v9\.9\.9, the project's version"):
        page("v9.9.9", TEXT)


def test_a_fork_does_not_push_to_where_its_users_do_not_pull() -> None:
    with pytest.raises(ChangelogError, match=r"images would go to ghcr\.io/somebody, but .* global\.imageRegistry"):
        page(f"v{version.read()}", TEXT, "ghcr.io/somebody")


def test_the_page_says_what_has_changed_and_how_to_install_it() -> None:
    number = version.read()
    told = page(f"v{number}", f"## [{number}] - 2026-12-01\n\n- New.\n")
    assert told.startswith("- New.\n")
    assert f"helm install penstock oci://{chart.published_at()}/charts/penstock --version {number} " in told
    assert f"pip install penstock-cli=={number}\n" in told


def test_the_changelog_has_a_place_for_what_is_to_come() -> None:
    assert "## [Unreleased]\n" in PAGE.read_text()
