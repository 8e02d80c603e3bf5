"""Images of a few static files, as archives that `ctr image import` reads: the pause image needs no image builder."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAUSE = "localhost/pause:1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_USER = "65535:65535"


@dataclass(frozen=True)
class ScratchImage:
    """An image made of programs alone."""

    name: str
    programs: Mapping[str, bytes]
    """Contents by absolute path in the image."""
    entrypoint: tuple[str, ...]

    def write(self, archive: Path) -> None:
        layer = _tar({path.lstrip("/"): content for path, content in self.programs.items()}, mode=0o755)
        config = {
            "architecture": _ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": list(self.entrypoint), "User": _USER},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [self.name], "Layers": ["layer.tar"]}]
        parts = {"layer.tar": layer, "config.json": _json(config), "manifest.json": _json(manifest)}
        archive.write_bytes(_tar(parts, mode=0o644))


def pause(program: bytes) -> ScratchImage:
    """What holds a pod's namespaces."""
    return ScratchImage(PAUSE, {"/pause": program}, ("/pause",))


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _tar(files: Mapping[str, bytes], *, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
