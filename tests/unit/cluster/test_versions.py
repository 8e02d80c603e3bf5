import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from testcluster import base_image, go_modules, versions
from testcluster.binaries import folder, helm_folder, key, link_flags
from testcluster.images import PARTS
from testcluster.paths import GO_SOURCES, PROJECT

SHARED = {"penstock-contracts": "contracts", "penstock-json-logs": "json-logs"}
"""Our own members that others need, and their folders."""


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("go1.26.8", (1, 26, 8)), ("1.26", (1, 26)), ("v1.35.4", (1, 35, 4)), ("go1.27rc1", (1, 27)), ("devel", ())],
)
def test_versions_compare_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert versions.numbers(text) == numbers


def test_a_later_patch_of_the_minimum_is_new_enough_and_an_earlier_minor_is_not() -> None:
    assert versions.numbers("go1.26.8") >= versions.numbers("1.26")
    assert versions.numbers("go1.9.9") < versions.numbers("1.26")


def test_the_committed_go_mod_requires_what_versions_toml_pins() -> None:
    pinned, go_mod = versions.read(), (GO_SOURCES / "go.mod").read_text()
    for module, version in pinned.modules.items():
        assert re.search(rf"^\s*{re.escape(module)} {re.escape(version)}( // indirect)?$", go_mod, re.MULTILINE), module
    replaced = set(re.findall(r"^\s*k8s\.io/\S+ => k8s\.io/\S+ (\S+)$", go_mod, re.MULTILINE))
    assert replaced == {pinned.staging}
    assert pinned.modules["k8s.io/kubernetes"] == pinned.kubernetes


def test_go_mod_replaces_each_staging_module_by_its_published_version() -> None:
    upstream = (
        "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/client-go => ./staging/src/k8s.io/client-go\n)\n"
    )
    rendered = go_modules.render(versions.read(), upstream)
    assert "\tk8s.io/api => k8s.io/api v0.35.4\n\tk8s.io/client-go => k8s.io/client-go v0.35.4\n" in rendered


def test_a_build_is_named_by_paths_contents_and_flags_and_not_by_their_order() -> None:
    one, two = ("a.go", b"1"), ("b.go", b"2")
    assert key([one, two], "-s") == key([two, one], "-s")
    changed = [key([one], "-s"), key([("a.go", b"2")], "-s"), key([("b.go", b"1")], "-s"), key([one], "-w")]
    assert len(set(changed)) == len(changed)


def test_the_programs_are_stamped_with_the_pinned_versions() -> None:
    flags, pinned = link_flags(versions.read()), versions.read()
    assert f"gitVersion={pinned.kubernetes}" in flags
    assert f"internal/version.version={pinned.modules['helm.sh/helm/v4']}" in flags


def test_helm_alone_is_kept_apart_from_what_the_cluster_is_built_as() -> None:
    """Another line of the cluster's own Go sources builds no other helm, and its folder goes with none of theirs."""
    pinned = versions.read()
    sources = [(name, (GO_SOURCES / name).read_bytes()) for name in ("go.mod", "go.sum")]
    assert helm_folder(pinned).name == key(sources, link_flags(pinned))
    assert helm_folder(pinned).parent != folder(pinned).parent


def test_a_base_image_is_named_by_suite_and_packages() -> None:
    assert base_image.key("bookworm", ("a", "b")) == base_image.key("bookworm", ("b", "a"))
    assert base_image.key("bookworm", ("a",)) != base_image.key("trixie", ("a",))


@pytest.mark.parametrize("part", PARTS)
def test_each_dockerfile_defaults_to_the_pinned_uv_and_installs_from_its_parts_lock(part: str) -> None:
    recipe = PARTS[part]
    text = (PROJECT / recipe.dockerfile).read_text()
    # What is copied with its folder has its lock there.
    lock = f"locks/{part}.txt requirements.txt" if recipe.context == "." else "requirements.txt ."
    assert f"ARG UV_VERSION={versions.read().uv}\n" in text
    assert f"COPY {lock}\n" in text
    assert "--require-hashes" in text
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "feast"])
def test_each_image_holds_its_own_member_and_what_that_member_needs_of_ours(part: str) -> None:
    dockerfile = PROJECT / PARTS[part].dockerfile
    sources = re.findall(r"^COPY (\S*src/\S+) ", dockerfile.read_text(), re.MULTILINE)
    copied = {str(Path(PARTS[part].context, source)) for source in sources}
    own = dockerfile.parent.relative_to(PROJECT)
    asked = tomllib.loads((dockerfile.parent / "pyproject.toml").read_text())["project"]["dependencies"]
    needs = {need.partition("==")[0] for need in asked}
    shared = {f"{folder}/src/{need.replace('-', '_')}" for need, folder in SHARED.items() if need in needs}
    assert {source for source in copied if not source.startswith(f"{own}/")} == shared
    assert len(copied) == 1 + len(shared)


def test_feasts_image_holds_nothing_of_ours_but_the_examples_repository() -> None:
    text = (PROJECT / PARTS["feast"].dockerfile).read_text()
    assert re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) == ["requirements.txt", "*.py feature_store*.yaml"]
    names = re.findall(
        r"^([a-z0-9-]+)==", (PROJECT / PARTS["feast"].context / "requirements.txt").read_text(), re.MULTILINE
    )
    assert "feast" in names
    assert not [name for name in names if name.startswith("penstock")]


@pytest.mark.parametrize("part", PARTS)
def test_what_an_image_copies_is_let_into_its_context(part: str) -> None:
    """By whole names of folders: docker 20.10 takes no pattern for a folder of which it has left out what is above."""
    lines = (PROJECT / PARTS[part].context / ".dockerignore").read_text().splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert [path for path in let_in if "*" in path.rpartition("/")[0]] == []
    text = (PROJECT / PARTS[part].dockerfile).read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE)
    assert copied
    assert [path for path in copied if not any(_covers(each, path) for each in let_in)] == []


def _covers(let_in: str, path: str) -> bool:
    return fnmatch(path, let_in) or path.startswith(f"{let_in}/")
