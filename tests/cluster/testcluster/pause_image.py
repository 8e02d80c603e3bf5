"""The image that holds a pod's namespaces: one static program in an archive that `ctr image import` reads."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

NAME = "localhost/pause:1"


def write(program: Path, archive: Path) -> None:
    layer = _tar({"pause": program.read_bytes()}, mode=0o755)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    parts = {"layer.tar": layer, "config.json": _json(config), "manifest.json": _json(manifest)}
    archive.write_bytes(_tar(parts, mode=0o644))


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _tar(files: dict[str, bytes], *, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
