"""Whose certificates are trusted outside the cluster."""

import os
import ssl

import httpx


def certificates() -> ssl.SSLContext:
    """Those of the system, or of the file that MLflow's and others' clients are told in these variables."""
    names = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    file = next(filter(None, map(os.environ.get, names)), None)
    return ssl.create_default_context(cafile=file) if file else httpx.create_ssl_context()
