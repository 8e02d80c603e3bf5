"""The pinned versions, read from versions.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from testcluster.paths import HERE

FILE = HERE / "versions.toml"


@dataclass(frozen=True)
class Versions:
    """What versions.toml says."""

    go_minimum: tuple[int, ...]
    go_wheel: str
    kubernetes: str
    staging: str
    modules: dict[str, str]
    debian_packages: tuple[str, ...]
    base_suite: str
    base_packages: tuple[str, ...]
    uv: str


def numbers(version: str) -> tuple[int, ...]:
    """`go1.26.8` and `1.26` as numbers that compare: (1, 26, 8) and (1, 26). A suffix such as `rc1` ends them."""
    parts: list[int] = []
    for part in version.removeprefix("go").removeprefix("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        parts.append(int(digits))
        if digits != part:
            break
    return tuple(parts)


def read(file: Path = FILE) -> Versions:
    data = tomllib.loads(file.read_text())
    return Versions(
        go_minimum=numbers(data["go"]["minimum"]),
        go_wheel=data["go"]["wheel"],
        kubernetes=data["kubernetes"]["version"],
        staging=data["kubernetes"]["staging"],
        modules=dict(data["modules"]),
        debian_packages=tuple(data["debian"]["packages"]),
        base_suite=data["base_image"]["suite"],
        base_packages=tuple(data["base_image"]["packages"]),
        uv=data["uv"]["version"],
    )
