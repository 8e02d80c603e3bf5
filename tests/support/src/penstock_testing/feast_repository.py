"""The example's Feast repository, with a past of its own: in Feast's own environment, its server a process."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from fraud_detection.history import FeatureHistory
from penstock_testing.locked_environment import ROOT, locked_environment

SOURCE = ROOT / "examples" / "fraud-detection" / "feature_repo"
SQLITE, REDIS = "feature_store.yaml", "feature_store_redis.yaml"
HOST = "127.0.0.1"
_SECONDS = 240
_BRING_ONLINE = """
import sys
from datetime import datetime
from pathlib import Path
import definitions as known
from feast import FeatureStore
configuration, begin, end = sys.argv[1:]
store = FeatureStore(fs_yaml_file=Path(configuration).resolve(), repo_path=".")
store.apply([known.user, known.card, known.user_features, known.transaction_features, known.fraud_detector])
store.materialize(datetime.fromisoformat(begin), datetime.fromisoformat(end))
"""


class FeastRepository:
    """A copy of the example's, in a folder."""

    def __init__(self, folder: Path, past: FeatureHistory, *, configuration: str = SQLITE, redis: str = "") -> None:
        """`redis`: host:port of the online store, for its configuration."""
        self.folder = folder
        self.past = past
        self._configuration = configuration
        self._redis = redis
        self._bin = locked_environment("feast", SOURCE / "requirements.txt") / "bin"
        shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("data", "__pycache__"), dirs_exist_ok=True)
        self.write(past)

    def write(self, past: FeatureHistory) -> None:
        """Write the offline files."""
        self.past = past
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        for name, table in vars(past).items():
            table.to_parquet(data / f"{name}.parquet", index=False)

    def bring_online(self, begin: datetime, end: datetime) -> None:
        """Apply the definitions and bring what is known between two times into the online store, in one process: Feast
        takes seconds to be imported.
        """
        self.python("-c", _BRING_ONLINE, self._configuration, begin.isoformat(), end.isoformat())

    def training_set(self) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
        """What the example's program makes of the transactions: the rows, features.json, and what it says."""
        made = self.folder / "data" / "training_set.parquet"
        told = self._training_set("data/transactions.parquet", str(made))
        lookup: dict[str, Any] = json.loads(made.with_name("features.json").read_text())
        return pd.read_parquet(made), lookup, json.loads(told.splitlines()[-1])

    def known(self, events: pd.DataFrame, served: Path) -> pd.DataFrame:
        """What training would see of events, with the defaults of a version's features.json."""
        asked = self.folder / "data" / "asked" / "events.parquet"
        asked.parent.mkdir(exist_ok=True)
        events.to_parquet(asked, index=False)
        made = asked.with_name("known.parquet")
        self._training_set(str(asked), str(made), "--served", str(served))
        return pd.read_parquet(made)

    def _training_set(self, *command: str) -> str:
        return self.python("training_set.py", *command, "--configuration", self._configuration)

    @property
    def interpreter(self) -> Path:
        """Python in Feast's environment."""
        return self._bin / "python"

    def python(self, *command: str) -> str:
        """Run a program in Feast's environment; return what it wrote."""
        return self._run(str(self.interpreter), *command)

    @contextmanager
    def serving(self, *options: str) -> Iterator[str]:
        """Feast's own server; its address."""
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        command = [str(self._bin / "feast"), "-f", self._configuration, "serve", "-h", HOST, "-p", str(port)]
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--no-access-log", *options],
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield self._ready(process, f"http://{HOST}:{port}")
        finally:
            process.terminate()
            process.wait(30)

    def _ready(self, process: subprocess.Popen[bytes], url: str) -> str:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            assert process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            try:
                if httpx.get(f"{url}/health", trust_env=False).is_success:
                    return url
            except httpx.TransportError:
                time.sleep(0.1)
        log = (self.folder / "server.log").read_text()[-2000:]
        raise TimeoutError(f"Feast does not serve after {_SECONDS} s: {log}")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            timeout=_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Of Feast's processes."""
        # gunicorn puts its control socket below HOME.
        mine = {"FEAST_USAGE": "False", "HOME": str(self.folder), "FEAST_REDIS": self._redis, "DO_NOT_TRACK": "true"}
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | mine


class RedisServer:
    """Debian's redis-server, in memory, on a free port of loopback. It can be made to hang, and to go."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port: int = free.getsockname()[1]
        command = ["redis-server", "--bind", HOST, "--port", str(self.port), "--save", "", "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("redis-server does not listen")

    @property
    def address(self) -> str:
        """As Feast's configuration has it."""
        return f"{HOST}:{self.port}"

    def end(self) -> None:
        """It is gone, with all that it held."""
        self.process.kill()
        self.process.wait()
