"""Stands in for docker where no daemon runs: takes the commands by which images are made, and has buildah do them.

The first argument is the store's folder, the rest docker's own arguments. What docker's daemon does by itself is done
here: it takes a registry on loopback for one of plain http, and knows under which digests it pushed an image.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NoReturn


class DockerStandIn:
    """The commands that it knows."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._pushed = store / "pushed.json"
        store.mkdir(parents=True, exist_ok=True)

    def run(self, arguments: list[str]) -> str:
        """Carry out one command; answers what docker would print."""
        match arguments:
            case ["info"]:
                said = ""
            case ["build", *options]:
                said = self._buildah("build", "--pull-never", *options)
            case ["image", "inspect", "--format={{.Id}}", image]:
                said = self._buildah("inspect", "--type=image", "--format={{.FromImageID}}", image)
            case ["image", "inspect", "--format={{json .RepoDigests}}", image]:
                said = json.dumps([name for name, of in self._digests().items() if of == image])
            case ["tag", image, target]:
                said = self._buildah("tag", image, target)
            case ["push", target]:
                said = self._push(target)
            case ["buildx", "imagetools", "create", tag, *images]:
                said = self._create_list(tag.removeprefix("--tag="), images)
            case ["buildx", "imagetools", "inspect", "--format={{.Manifest.Digest}}", target]:
                said = next(name.partition("@")[2] for name, of in self._digests().items() if of == target)
            case _:
                raise SystemExit(f"docker's stand-in does not know: docker {' '.join(arguments)}")
        return said

    def _push(self, target: str) -> str:
        return self._told(
            target, "push", "--tls-verify=false", "--digestfile", "{digest}", target, f"docker://{target}"
        )

    def _create_list(self, target: str, images: list[str]) -> str:
        self._buildah("manifest", "create", "list")
        for image in images:
            self._buildah("manifest", "add", "--tls-verify=false", "list", f"docker://{image}")
        push = ["manifest", "push", "--all", "--tls-verify=false", "--digestfile", "{digest}"]
        try:
            return self._told(target, *push, "list", f"docker://{target}")
        finally:
            self._buildah("manifest", "rm", "list")

    def _told(self, target: str, *command: str) -> str:
        """Run a command that writes a digest; it is remembered for the target."""
        file = self._store / "digest"
        said = self._buildah(*(word.format(digest=file) if word == "{digest}" else word for word in command))
        name = f"{target.rpartition(':')[0]}@{file.read_text().strip()}"
        self._pushed.write_text(json.dumps(self._digests() | {name: target}))
        return said

    def _digests(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._pushed.read_text()) if self._pushed.exists() else {}
        return found

    def _buildah(self, *arguments: str) -> str:
        store = ["--root", str(self._store / "root"), "--runroot", str(self._store / "run"), "--storage-driver", "vfs"]
        command = ["buildah", *store, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
        return done.stdout.strip()


def main() -> NoReturn:
    """Of the program."""
    print(DockerStandIn(Path(sys.argv[1])).run(sys.argv[2:]))
    sys.exit()


if __name__ == "__main__":
    main()
