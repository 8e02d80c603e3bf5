"""The servers that are measured: how each is started and asked."""

import socket
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from bench.serving import wires
from bench.serving.environments import PEERS, ImageContents, peer_environment
from bench.serving.models import CNN_MODEL, TREES_MODEL, BenchModel
from bench.serving.places import BUILD
from bench.serving.wires import SentBody, Wire

OURS = "ours"
Settings = Mapping[str, int]
"""A server's documented settings, as options of its `serve.py`."""
_V2 = "/v2/models/{}/infer"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A way to serve a model."""

    name: str
    wires: Mapping[str, Wire]
    """By the model's name."""
    grid: Sequence[Settings] = ({},)
    """What the sweep tries."""

    def command(self, model: BenchModel, port: int, settings: Settings) -> Sequence[str]:
        """Return what starts it on loopback."""
        python = peer_environment(self.name) / "bin" / "python"
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(python), str(PEERS / self.name / "serve.py"), f"--model={model.file}", f"--port={port}", *options]

    def variables(self) -> Mapping[str, str]:
        """Return what is added to its environment."""
        return {"ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "true"}


class Ours(Server):
    """From the contents of the predictor's image, with no setting but where the model is and where to listen."""

    def command(self, model: BenchModel, port: int, settings: Settings) -> Sequence[str]:
        """Return the image's entry point."""
        image = _image()
        where = {"host": "127.0.0.1", "port": port, "grpc-port": free_port()}
        told = {"model": model.file, "name": model.name, **where, **settings}
        options = [f"--{name}={value}" for name, value in told.items()]
        return [str(image.python), "-m", "penstock_predictor", "serve", *options]

    def variables(self) -> Mapping[str, str]:
        """Return the image's ENV."""
        image = _image()
        return {**image.variables, "PYTHONPATH": str(image.library)}


@cache
def _image() -> ImageContents:
    """Compiled once a run, before any time is taken."""
    return ImageContents.laid_out(BUILD / "image")


def _grid(names: str, *values: Sequence[int]) -> Sequence[Settings]:
    return [dict(zip(names.split(), each, strict=True)) for each in values]


SERVERS = (
    Ours(
        name=OURS,
        wires={
            TREES_MODEL: wires.v2_json(_V2.format(TREES_MODEL), "X"),
            CNN_MODEL: wires.v2_binary(_V2.format(CNN_MODEL), "image"),
        },
    ),
    Server(
        name="naive",
        wires={TREES_MODEL: wires.rows_json("/predict"), CNN_MODEL: wires.raw_bytes("/tensor")},
        # Threads: onnxruntime's; its own choice is 1 on one core, but here it would pin more of them to other cores.
        # In a thread: a handler by `def`, not by `async def`.
        grid=_grid("threads in-thread workers", (1, 0, 1), (2, 0, 1), (1, 1, 1), (2, 1, 1), (1, 0, 2)),
    ),
    Server(
        name="mosec",
        wires={TREES_MODEL: wires.rows_json("/inference"), CNN_MODEL: wires.raw_bytes("/inference")},
        grid=_grid(
            "workers batch wait-ms",
            (1, 1, 1),
            (2, 1, 1),
            (1, 8, 1),
            (2, 8, 1),
            (1, 32, 1),
            (1, 64, 1),
            (2, 64, 1),
            (1, 64, 10),
        ),
    ),
    Server(
        name="mlserver",
        wires={
            TREES_MODEL: wires.v2_json(_V2.format("model"), "X"),
            CNN_MODEL: wires.v2_base64(_V2.format("model"), "image"),
        },
        # Workers: processes for inference beside the server's; 0: inference in the server's.
        grid=_grid("workers batch wait-ms", (0, 0, 0), (1, 0, 0), (0, 8, 1), (0, 64, 1), (0, 64, 5), (1, 64, 1)),
    ),
    Server(
        name="bentoml",
        wires={TREES_MODEL: wires.listed_json("/predict"), CNN_MODEL: wires.rows_base64("/tensor")},
        grid=_grid("workers batch wait-ms", (1, 0, 0), (2, 0, 0), (1, 8, 1000), (1, 64, 1000), (1, 64, 10000)),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ServerReply:
    """Of one request."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def ask(url: str, body: SentBody | None = None, seconds: float = 10) -> ServerReply:
    """Send one request, on a connection of its own. Raises OSError."""
    headers = dict(body.headers) if body else {}
    request = urllib.request.Request(url, body.content if body else None, headers)  # noqa: S310 - loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as reply:
        found = {name.lower(): value for name, value in reply.headers.items()}
        return ServerReply(status=reply.status, headers=found, content=reply.read())


def free_port() -> int:
    """Return one that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def settings_text(settings: Settings) -> str:
    """For people."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "defaults"
