"""The settings that the sweep found best: one file, written by `sweep` and read by every run."""

import json
from collections.abc import Mapping

from bench.serving.environments import PEERS
from bench.serving.servers import Settings

FILE = PEERS / "settings.json"
Chosen = Mapping[str, Settings]
"""By scenario."""


def all_chosen() -> Mapping[str, Chosen]:
    """By server."""
    found: Mapping[str, Chosen] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def settings_for(server: str, scenario: str) -> Settings:
    """Return them; none where the sweep has nothing to choose for this server."""
    return all_chosen().get(server, {}).get(scenario, {})


def choose(server: str, chosen: Chosen) -> None:
    """Write them; other servers' stay."""
    FILE.write_text(json.dumps({**all_chosen(), server: chosen}, indent=2, sort_keys=True) + "\n")
