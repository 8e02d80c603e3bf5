"""Where MLflow answers."""

import os

DEFAULT = "http://127.0.0.1:5000"


def tracking_uri() -> str:
    """Answer what the environment says; an empty value, as of a variable that nobody set, says nothing."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT
