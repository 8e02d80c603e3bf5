"""The docs site: what is not on it is reached in the repository, and what leads nowhere fails the build."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testing.platform import ROOT

NOT_SITE = shutil.ignore_patterns("decisions", "maintainer", "operator", "reference", "user", "*.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The site's own files, and one page."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=NOT_SITE)
    shutil.copy2(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "release", tmp_path / "release")
    (tmp_path / "docs" / ".nav.yml").write_text("nav: [README.md]\n")
    (tmp_path / "docs" / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


def built(project: Path, page: str) -> subprocess.CompletedProcess[str]:
    (project / "docs" / "README.md").write_text(f"# A page\n\n{page}\n\n## Its `part`, and more\n")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build"]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("[a](../mkdocs.yml)", "https://github.com/penstock-dev/penstock/blob/main/mkdocs.yml"),
        ("![a](picture.svg)", "picture.svg"),
        ("[a](#its-part-and-more)", "#its-part-and-more"),
    ],
)
def test_a_link_leads_into_the_site_or_the_repository(project: Path, link: str, leads_to: str) -> None:
    done = built(project, link)
    assert done.returncode == 0, done.stderr
    assert f'"{leads_to}"' in (project / "build" / "site" / "index.html").read_text()


@pytest.mark.parametrize(
    ("link", "told"), [("[a](gone.md)", "gone.md"), ("[a](../gone.yml)", "gone.yml"), ("[a](#gone)", "#gone")]
)
def test_a_link_that_leads_nowhere_fails_the_build_and_is_named(project: Path, link: str, told: str) -> None:
    done = built(project, link)
    assert done.returncode != 0
    assert told in done.stderr


def test_a_page_that_is_on_no_menu_fails_the_build(project: Path) -> None:
    (project / "docs" / "lost.md").write_text("# Lost\n")
    done = built(project, "")
    assert done.returncode != 0
    assert "lost.md" in done.stderr


def test_no_page_asks_another_host_for_anything(project: Path) -> None:
    assert built(project, "").returncode == 0
    page = (project / "build" / "site" / "index.html").read_text()
    loaded = [part.split('"')[0] for mark in ('src="', 'rel="stylesheet" href="') for part in page.split(mark)[1:]]
    assert loaded
    assert [address for address in loaded if address.startswith(("http", "//"))] == []
