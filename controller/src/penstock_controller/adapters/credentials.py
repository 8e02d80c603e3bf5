"""The registries' credentials: files that Kubernetes makes of a Secret, read anew at each use, so new ones count."""

import base64
from pathlib import Path


def authorization(folder: Path) -> dict[str, str]:
    """The header that MLflow's own client would send; a user's name goes before a token. Empty: no credentials.

    Raises ValueError for what cannot be sent.
    """
    user = _value(folder, "MLFLOW_TRACKING_USERNAME")
    if user:
        both = f"{user}:{_value(folder, 'MLFLOW_TRACKING_PASSWORD')}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
    token = _value(folder, "MLFLOW_TRACKING_TOKEN")
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        raise ValueError("MLFLOW_TRACKING_TOKEN holds what no header can")
    return {"Authorization": f"Bearer {token}"}


def _value(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8").strip("\r\n")
    except (FileNotFoundError, NotADirectoryError):
        return ""
