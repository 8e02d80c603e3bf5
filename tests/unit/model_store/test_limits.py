from pathlib import Path

import pytest

from penstock_model_store.limits import container_memory, open_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("wanted", "container", "expected"),
    [
        (2 * GIB, None, 2 * GIB),
        (2 * GIB, 16 * GIB, 2 * GIB),
        (2 * GIB, 2 * GIB, 2 * GIB - 384 * 2**20),
        (2 * GIB, GIB // 2, GIB // 4),
    ],
    ids=["no container limit", "far below it", "the store itself needs some", "small container"],
)
def test_opening_a_model_may_not_take_the_container_down(wanted: int, container: int | None, expected: int) -> None:
    assert open_memory(wanted, container) == expected


@pytest.mark.parametrize(("text", "expected"), [("1073741824\n", GIB), ("max\n", None)])
def test_the_containers_limit_is_read(text: str, expected: int | None, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(text)

    assert container_memory((tmp_path / "absent", tmp_path / "memory.max")) == expected
    assert container_memory((tmp_path / "absent",)) is None
