"""No two classes share a name: whoever reads one knows which is meant, in code, in a message and in a search."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
SEARCHED = (
    "bench",
    "cli",
    "contracts",
    "controller",
    "docs",
    "examples",
    "json-logs",
    "release",
    "sdk",
    "services",
    "tests",
)
NOT_OURS_ALONE = ("bench/serving/peers", "tests/clients", "tests/frameworks")
"""Programs for servers and clients of others: each runs by itself, in an environment of its own."""
OF_ONE_TEST = ("tests/component", "tests/e2e", "tests/unit")
"""A test's double is named after what it stands for, and nothing but the tests beside it sees it."""


def sources() -> list[Path]:
    left_out = tuple(ROOT / folder for folder in (*NOT_OURS_ALONE, *OF_ONE_TEST))
    found = (path for folder in SEARCHED for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if not any(path.is_relative_to(folder) for folder in left_out)]


def classes(path: Path) -> list[tuple[str, int]]:
    """Names and lines, of inner classes too."""
    tree = ast.parse(path.read_text(), path)
    return [(node.name, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def test_each_class_of_the_project_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for path in sources():
        for name, line in classes(path):
            places[name].append(f"{path.relative_to(ROOT)}:{line}")
    assert len(places) > 500, "the sources are not where this test looks for them"
    shared = [f"{name}: {', '.join(there)}" for name, there in sorted(places.items()) if len(there) > 1]
    assert not shared, "two classes share a name: rename one\n" + "\n".join(shared)
