"""The role of the machine that the store runs on opens no bucket, unless an administrator says so."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.session import Session  # type: ignore[import-untyped]  # it has no types

from penstock_model_store.throwaway import Puller


class _Metadata(BaseHTTPRequestHandler):
    """Where a machine in AWS asks for its role's credentials."""

    asked: list[str]

    def _refuse(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_GET = do_PUT = _refuse  # noqa: N815 - names that http.server calls

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What the machine's metadata service was asked for, by a store without keys."""
    paths: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Metadata,), {"asked": paths}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in ("AWS_EC2_METADATA_DISABLED", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.setenv(name, "")  # so that what is set later is taken back too
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    try:
        yield paths
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def test_the_machines_role_is_not_asked_for(asked: list[str]) -> None:
    Puller(1.0)
    assert Session().get_credentials() is None
    assert asked == []


def test_an_administrator_may_let_it_be_used(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    Puller(1.0)
    Session().get_credentials()
    assert asked
