"""The settings that the sweep found best: one file, written by `sweep` and read by every run."""

import json
import os
from collections.abc import Mapping

from bench.serving.environments import PEERS
from bench.serving.servers import Settings

FILE = PEERS / "settings.json"
ALL = "all"
"""In place of a scenario: what is best over all of them, where a server may have only one setting."""
Chosen = Mapping[str, Settings]
"""By scenario."""


def all_chosen() -> Mapping[str, Chosen]:
    """By server."""
    found: Mapping[str, Chosen] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def settings_for(server: str, scenario: str) -> Settings:
    """Return them; none where there is nothing to choose for this server. SETTINGS=one: the same in each scenario."""
    wanted = ALL if os.environ.get("SETTINGS") == "one" else scenario
    return all_chosen().get(server, {}).get(wanted, {})


def choose(server: str, chosen: Chosen) -> None:
    """Write them; other servers' stay."""
    FILE.write_text(json.dumps({**all_chosen(), server: chosen}, indent=2, sort_keys=True) + "\n")
