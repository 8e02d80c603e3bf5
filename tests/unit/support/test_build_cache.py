import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock_testing.build_cache import BuildCache
from penstock_testing.platform import ROOT

KILLED_WHILE_IT_MADE = """
import os, signal, sys
from pathlib import Path
from penstock_testing.build_cache import BuildCache

def make(draft):
    (draft / "half").write_text("half of it")
    os.kill(os.getpid(), signal.SIGKILL)

BuildCache("programs").kept("it", make)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildCache:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return BuildCache("programs")


def writes(text: str) -> Callable[[Path], Path]:
    def make(draft: Path) -> Path:
        (draft / "made").write_text(text)
        return draft / "made"

    return make


def never(_: Path) -> Path:
    raise AssertionError("it was there")


def test_what_was_made_once_is_not_made_again_and_leaves_nothing_beside_it(cache: BuildCache) -> None:
    assert cache.kept("go/it", writes("once")).read_text() == "once"
    assert cache.kept("go/it", never).read_text() == "once"
    assert sorted(path.name for path in cache.folder.iterdir()) == [".lock", "go"]


def test_what_a_killed_maker_left_the_next_one_removes(cache: BuildCache) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_MADE], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.read_text() for path in cache.folder.glob("tmp*/half")] == ["half of it"]

    cache.kept("other", writes("whole"))

    assert sorted(path.name for path in cache.folder.iterdir()) == [".lock", "other"]


def test_what_fails_is_made_again_by_the_next_one(cache: BuildCache) -> None:
    with pytest.raises(AssertionError, match="it was there"):
        cache.kept("it", never)
    assert cache.kept("it", writes("whole")).read_text() == "whole"


def test_the_folder_of_who_is_still_making_is_left_alone(cache: BuildCache) -> None:
    begun, may_end, drafts = threading.Event(), threading.Event(), list[bool]()

    def slow(draft: Path) -> Path:
        begun.set()
        assert may_end.wait(60)
        drafts.append(draft.exists())
        return writes("slow")(draft)

    first = threading.Thread(target=cache.kept, args=("first", slow))
    second = threading.Thread(target=cache.kept, args=("second", writes("quick")))
    first.start()
    assert begun.wait(60)
    second.start()
    assert not (cache.folder / "second").exists()
    may_end.set()
    for thread in (first, second):
        thread.join(60)
    assert drafts == [True]
    assert [(cache.folder / name).read_text() for name in ("first", "second")] == ["slow", "quick"]
