"""A real Prometheus on loopback that scrapes one page of metrics, which a test writes."""

import http.server
import json
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from penstock_testing.prometheus_server import debians

_START_SECONDS = 60.0


class ScrapingPrometheus:
    """Runs from entering its context until leaving it, and may be stopped and started anew between."""

    def __init__(self, folder: Path) -> None:
        self.page = ""
        """What it scrapes, in Prometheus's text format."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._address = f"127.0.0.1:{taken.getsockname()[1]}"
        self.url = f"http://{self._address}"
        outer = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = outer.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(OSError):  # it has waited long enough
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)

    def __enter__(self) -> Self:
        threading.Thread(target=self._pages.serve_forever, daemon=True).start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._pages.shutdown()
        self._pages.server_close()

    def start(self) -> None:
        """Start, and wait until it answers. Raises RuntimeError with its log where it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        job = {
            "job_name": "page",
            "scrape_interval": "1s",
            "static_configs": [{"targets": [f"127.0.0.1:{self._pages.server_address[1]}"]}],
        }
        configuration = self._folder / "prometheus.json"
        configuration.write_text(json.dumps({"scrape_configs": [job]}))
        command = [
            str(debians("prometheus")),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self._address}",
        ]
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait(self._process)

    def stop(self) -> None:
        """End it; it keeps its data."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def scraped(self, query: str) -> None:
        """Wait until a query has a result. Raises RuntimeError."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False).json()
            if answer["data"]["result"]:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{query} has no result")

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx.get(f"{self.url}/-/ready", trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise RuntimeError("Prometheus did not start:\n" + (self._folder / "prometheus.log").read_text()[-3000:])
