"""Golden files of the gateway. PENSTOCK_UPDATE_GOLDEN=1 writes them anew; read the difference before you commit it."""

import json
import os
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[4] / "data" / "gateway"


def check_golden(name: str, text: str) -> None:
    """Compare what a file of Envoy's says with what was agreed."""
    path = _FOLDER / f"{name}.json"
    shown = json.dumps(json.loads(text), indent=2) + "\n"
    if os.environ.get("PENSTOCK_UPDATE_GOLDEN"):
        path.write_text(shown)
    assert shown == path.read_text()
