"""Runs workflows of GitHub's on this machine, from their files: act carries them out, each `run` in a real shell.

What act would fetch from GitHub is stood in for: setup-python by a Python that has the project's packages already,
upload-artifact by a folder. `docker` is buildah.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock_testing.platform import ROOT

_STAND_IN = ROOT / "tests" / "cluster" / "programs"
_SECONDS = 400
_ACTION = """name: a stand-in
inputs:
  python-version: {{default: ""}}
  cache: {{default: ""}}
  name: {{default: ""}}
  path: {{default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      run: {run}
"""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """What came of a run."""

    code: int
    steps: dict[str, str]
    """Each step that ran, by its name, and its result: success or failure."""
    output: dict[str, str]
    """What each of them printed."""
    log: str
    """All of act's own log, for people."""

    @property
    def failed(self) -> list[str]:
        """The steps that failed."""
        return [name for name, result in self.steps.items() if result != "success"]


@dataclass(frozen=True, kw_only=True)
class GithubRunner:
    """A machine with a Python, act and docker."""

    folder: Path
    """Its own: Python, home, stand-ins, artifacts."""
    actions: dict[str, Path] = field(default_factory=dict)
    """Folder of what stands for an action, by the action's owner/name."""
    docker: Path | None = _STAND_IN
    """Folder of the program; None: it is the one on PATH."""

    @classmethod
    def made(cls, folder: Path, *, docker: Path | None = _STAND_IN) -> "GithubRunner":
        """Set one up below a folder."""
        python = folder / "python"
        subprocess.run([sys.executable, "-m", "venv", python], check=True, timeout=120)
        packages = subprocess.run(
            [python / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        # Behind its own packages: what a workflow installs of its own comes before what the project has.
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        (Path(packages) / "project.pth").write_text(f"{ours}\n")
        (folder / "home").mkdir()
        (folder / "artifacts").mkdir()
        runs = {
            "actions/setup-python": f'echo "{python}/bin" >> "$GITHUB_PATH"',
            "actions/upload-artifact": (f'cp -R "${{{{ inputs.path }}}}" "{folder}/artifacts/${{{{ inputs.name }}}}"'),
        }
        actions = {name: _stand_in(folder, name, run) for name, run in runs.items()}
        return cls(folder=folder, actions=actions, docker=docker)

    @property
    def python(self) -> Path:
        """Folder of the virtual environment that setup-python puts on PATH."""
        return self.folder / "python"

    def environment(self) -> dict[str, str]:
        """What its programs find: docker, and nothing of the index of packages."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return {
            "PATH": os.pathsep.join([*([str(self.docker)] if self.docker else []), os.environ["PATH"]]),
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": cache,
            "PIP_NO_INDEX": "1",  # what is locked is there: otherwise the lock and the project's differ
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's word for: with the build tool that is there
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the project's would be loaded
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "ORT_DISABLE_TELEMETRY": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }

    def run(
        self,
        repository: Path,
        *,
        event: str = "push",
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
    ) -> WorkflowRun:
        """Run the workflows of a repository, as for a push to its main branch."""
        artifacts = self.folder / "artifacts"
        shutil.rmtree(artifacts)
        artifacts.mkdir()
        environment = self.environment()
        command = [
            *(str(Path(sys.executable).parent / "act"), event, "--json", "--no-cache-server"),
            *("--platform", "ubuntu-24.04=-self-hosted", "--action-cache-path", str(self.folder / "act")),
            *(part for name, value in variables.items() for part in ("--var", f"{name}={value}")),
            *(part for name, value in secrets.items() for part in ("--secret", f"{name}={value}")),
            *(part for name, value in environment.items() if name != "PATH" for part in ("--env", f"{name}={value}")),
            *(part for name in self._used(repository) for part in ("--local-repository", name)),
        ]
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        return _read(done)

    def make(self, repository: Path, target: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Make a target of a repository, as somebody without GitHub does, in the same Python."""
        return subprocess.run(
            ["make", target, f"VENV={self.python}"],
            cwd=repository,
            env={**self.environment(), **settings},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def drop_image(self, name: str) -> None:
        """Remove what a run has built: what builds images here is shared, and outlives this."""
        command = ["docker", "rmi", name]
        subprocess.run(command, env=self.environment(), capture_output=True, timeout=_SECONDS, check=True)

    def _used(self, repository: Path) -> list[str]:
        """Each action that the workflows name, with its stand-in. act knows checkout itself."""
        found = []
        for file in sorted((repository / ".github" / "workflows").glob("*.yml")):
            for name, ref in re.findall(r"uses: ([\w./-]+)@(\w[\w.]*)", file.read_text()):
                if name != "actions/checkout":
                    found.append(f"{name}@{ref}={self.actions[name]}")
        return sorted(set(found))


def _stand_in(folder: Path, name: str, run: str) -> Path:
    home = folder / "actions" / name
    home.mkdir(parents=True)
    (home / "action.yml").write_text(_ACTION.format(run=json.dumps(run)))
    return home


def _read(done: subprocess.CompletedProcess[str]) -> WorkflowRun:
    steps: dict[str, str] = {}
    output: dict[str, list[str]] = {}
    log = []
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            log.append(line)
            continue
        said = json.loads(line)
        log.append(said["msg"].rstrip("\n"))
        if said.get("stage") == "Main" and "stepResult" in said and len(said["stepID"]) == 1:
            steps[said["step"]] = said["stepResult"]
        if said.get("raw_output"):
            output.setdefault(said["step"], []).append(said["msg"])
    return WorkflowRun(
        code=done.returncode,
        steps=steps,
        output={step: "".join(text) for step, text in output.items()},
        log="\n".join((*log, done.stderr)),
    )
