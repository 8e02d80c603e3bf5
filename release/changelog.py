"""What CHANGELOG.md says of a version, for the page of its release.

    python -m release.changelog v0.1.0 build/release-page.md

Fails where tag and project are of two versions, where the changelog has no dated section of that, or where REGISTRY
is set and is not the one that the chart's defaults name.
"""

import os
import re
import sys
from pathlib import Path

from release import chart, version

PAGE = version.ROOT / "CHANGELOG.md"
_SECTION = r"^## \[{number}\](?P<date>.*)\n(?P<text>(?:(?!^## |^\[).*\n)*)"


class ChangelogError(Exception):
    """There is nothing to release; the message says what to do."""


def section(text: str, number: str) -> str:
    """What stands below a version's heading. Raises ChangelogError."""
    found = re.search(_SECTION.format(number=re.escape(number)), text, re.MULTILINE)
    if found is None:
        raise ChangelogError(f"CHANGELOG.md has no section [{number}]: write what has changed for users")
    if not re.fullmatch(r" - \d{4}-\d{2}-\d{2}", found["date"]):
        raise ChangelogError(f"CHANGELOG.md: the heading of [{number}] ends in no date, such as ' - 2026-12-01'")
    return found["text"].strip()


def page(tag: str, text: str, registry: str = "") -> str:
    """The page of a release: what has changed, and how to install it. Raises ChangelogError.

    `registry`: where images and chart are going to be pushed; empty: where the chart's defaults say.
    """
    number, default = version.read(), chart.published_at()
    if tag != f"v{number}":
        raise ChangelogError(f"the tag is {tag}, the project's version {number}: `make version NEXT=...` writes it")
    if registry not in ("", default):
        raise ChangelogError(
            f"images would go to {registry}, but the chart's users pull from {default}: write yours into "
            "global.imageRegistry of charts/penstock/values.yaml"
        )
    registry, release = default, version.of_chart(number)
    chart_at = f"oci://{registry}/charts/penstock --version {release}"
    install = (
        f"helm install penstock {chart_at} --namespace penstock-system --create-namespace",
        f"pip install penstock-cli=={number}",
    )
    commands = "\n".join(install)
    return f"{section(text, number)}\n\n## Install\n\n```sh\n{commands}\n```\n"


if __name__ == "__main__":
    try:
        Path(sys.argv[2]).parent.mkdir(parents=True, exist_ok=True)
        Path(sys.argv[2]).write_text(page(sys.argv[1], PAGE.read_text(), os.environ.get("REGISTRY", "")))
    except ChangelogError as error:
        sys.exit(f"changelog: {error}")
