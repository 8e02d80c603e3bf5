"""A page as a program: its blocks in their order."""

import subprocess
from pathlib import Path

from penstock_testing.code_blocks import CodeBlock
from penstock_testing.page_script import PageScript, seconds_of_sections, typed

PAGE = PageScript("docs/user/tutorial.md")


def block(language: str, text: str, title: str = "") -> CodeBlock:
    return CodeBlock(page="page.md", line=1, language=language, text=text, title=title)


def test_a_block_with_a_title_becomes_that_file_with_the_readers_own_names(tmp_path: Path) -> None:
    script = typed(block("python", "print('theirs', $HOME)\n", "it.py"), {"theirs": "ours"})
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "it.py").read_text() == "print('ours', $HOME)\n"


def test_what_ends_by_ctrl_c_alone_runs_beside_what_follows() -> None:
    assert typed(block("sh", "kubectl get --watch\n"), {}) == "kubectl get --watch > watch.log &"


def test_the_tutorials_sections_are_programs_for_bash() -> None:
    text = PAGE.text(of=PAGE.sections(), replaced={})
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, timeout=30)
    assert text.count("END OF BLOCK'") == len([one for one in PAGE.blocks() if one.title])
    assert "python first.py" in text


def test_a_section_fails_with_its_first_command_that_fails(tmp_path: Path) -> None:
    text = PAGE.text(of=[], replaced={}).replace("\necho", "\nfalse\necho")
    assert subprocess.run(["bash", "-c", text], cwd=tmp_path, check=False, timeout=30, capture_output=True).returncode


def test_a_section_lasts_until_the_next_one_begins() -> None:
    first = "== section 10.0 Install\nsomething\n== section 12.5 Serve it\n== section 13.0 end\n"
    second = "== section 14.0 Clean up\n== section 15.0 end\n"
    assert seconds_of_sections(first + second) == {"Install": 2.5, "Serve it": 0.5, "Clean up": 1.0}
