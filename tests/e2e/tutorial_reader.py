"""Somebody who follows the tutorial on a machine of their own."""

import socket
from pathlib import Path

from penstock_testing.clean_machine import CleanMachine, wheelhouse
from penstock_testing.page_script import PageScript

from .published_release import PublishedRelease

TUTORIAL = "tutorial"
"""The page's namespace."""
MODEL = "payment-fraud"
"""The page's model."""
_PUBLISHED_AT = "oci://ghcr.io/penstock-dev/charts/penstock"
_VALUES = """
global: {{imageRegistry: {images}}}
modelStore: {{storage: 2Gi}}
driftMonitor: {{storage: 1Gi}}
"""
_SECONDS = 2400


class TutorialReader:
    """Types the page's blocks, with addresses and numbers of their own in place of the page's."""

    def __init__(self, machine: CleanMachine, published: PublishedRelease, versions: int) -> None:
        """`versions`: those that the registry has of the model already."""
        self.page = PageScript("docs/user/tutorial.md")
        self.versions = tuple(versions + number for number in (1, 2, 3))
        """Numbers of the page's versions."""
        self._machine, self._replaced = machine, self._own_names(published)
        (machine.folder / "published.yaml").write_text(_VALUES.format(images=published.images))
        wheels = (published.wheels, wheelhouse("cli", "sdk"), wheelhouse("../examples/fraud-detection/requirements"))
        self._pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": " ".join(map(str, wheels))}

    def _own_names(self, published: PublishedRelease) -> dict[str, str]:
        _, second, bad = self.versions
        mlflow, gateway = _free_ports(2)
        how = ["--version", published.version, "--values published.yaml"]
        return {
            _PUBLISHED_AT: " ".join([published.chart, *how, *(["--plain-http"] if published.plain_http else [])]),
            "svc/mlflow 5000": f"svc/mlflow {mlflow}:5000",
            "localhost:5000": f"localhost:{mlflow}",
            "8080:80": f"{gateway}:80",
            "localhost:8080": f"localhost:{gateway}",
            "}'=2": f"}}'={second}",
            "}'=3": f"}}'={bad}",
        }

    def follows(self, *sections: str) -> str:
        """Type what these sections say; answers what was printed. Raises subprocess.CalledProcessError, with that."""
        script = self._machine.folder / "page.sh"
        script.write_text(self.page.text(of=list(sections), replaced=self._replaced))
        return self._machine.run("bash", "-c", "bash page.sh 2>&1", seconds=_SECONDS, variables=self._pip)

    def users_saw(self) -> list[str]:
        """The lines that the page's users printed."""
        return Path(self._machine.folder / "users.log").read_text().splitlines()


def _free_ports(count: int) -> list[int]:
    """Different ones of the loopback device."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
