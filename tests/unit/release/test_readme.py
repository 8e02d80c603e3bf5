"""A page that leaves the repository still leads to where its links led."""

import pytest

from release.readme import with_whole_links

SOURCE = "https://github.com/o/p"


@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ("[a](../docs/x.md)", f"[a]({SOURCE}/blob/v1/docs/x.md)"),
        ("[a](../docs/x.md#some-part)", f"[a]({SOURCE}/blob/v1/docs/x.md#some-part)"),
        ("[a](src/x.py)", f"[a]({SOURCE}/blob/v1/cli/src/x.py)"),
        ("![a picture](../docs/x.png)", "![a picture](https://raw.githubusercontent.com/o/p/v1/docs/x.png)"),
        ("[a](https://example.com/x.md)", "[a](https://example.com/x.md)"),
        ("[a](#below)", "[a](#below)"),
        ("`[a]` and (b)", "`[a]` and (b)"),
    ],
)
def test_a_relative_link_leads_into_the_repository_at_the_version(link: str, whole: str) -> None:
    assert with_whole_links(f"See {link}.\n", "cli", SOURCE, "v1") == f"See {whole}.\n"
