"""The command: `serve` a model, or `fetch` one from the model store."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

import penstock_json_logs
from penstock_predictor.errors import StartError, report_failure
from penstock_predictor.settings import PredictorSettings

_OPTIONS = {
    "model_name": "--name",
    "model_version": "--version",
    "model_digest": "--digest",
    "listen_host": "--host",
    "listen_port": "--port",
}
"""Of the settings that options name otherwise than the environment does."""
_EPILOG = "Each option, and more, is an environment variable PENSTOCK_...: see the README's table of settings."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0 a good end, 1 the model cannot be served, 2 wrong usage."""
    command, settings = parse(sys.argv[1:] if arguments is None else arguments)
    penstock_json_logs.configure(settings.log_level)
    return _fetch(settings) if command == "fetch" else _serve(settings)


def parse(arguments: Sequence[str]) -> tuple[str, PredictorSettings]:
    """The command, `serve` where none is named, and its settings. Ends the process with 2 for wrong usage."""
    given = list(arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "serve")
    options = {name: value for name, value in vars(_parser().parse_args(given)).items() if value is not None}
    command = options.pop("command")
    return command, _settings(_with_model(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("penstock-predictor", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(metavar="{serve,fetch}")
    serve = commands.add_parser("serve", help="answer requests for the model in a folder (the default)", epilog=_EPILOG)
    serve.set_defaults(command="serve")
    serve.add_argument("--model", type=Path, help="an .onnx file, or a folder as for --model-dir")
    serve.add_argument("--model-dir", help="folder with model.onnx, or with card.json and its files (/model)")
    serve.add_argument(
        "--name", dest="model_name", help="model name in routes and answers (the .onnx file's, or model)"
    )
    serve.add_argument("--version", dest="model_version", help="model version in answers (1)")
    serve.add_argument("--host", dest="listen_host", help="address to listen on (0.0.0.0)")
    serve.add_argument("--port", dest="listen_port", type=int, help="port to listen on; 0: a free one (8000)")
    serve.add_argument("--grpc-port", type=int, help="port for gRPC; 0: no gRPC (8001)")
    serve.add_argument("--workers", type=int, help="processes that serve on that port (1)")
    serve.add_argument("--threads", type=int, help="threads of one computation (the cgroup's CPU limit, or 1)")
    serve.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute (auto)")
    serve.add_argument("--max-batch-size", type=int, help="rows computed together; 1: no batching (256)")
    serve.add_argument("--max-latency-seconds", type=float, help="how long a run waits for more rows (0)")
    fetch = commands.add_parser("fetch", help="bring a model from the model store into a folder", epilog=_EPILOG)
    fetch.set_defaults(command="fetch")
    fetch.add_argument("--model-dir", help="folder to fill (/model)")
    fetch.add_argument("--store-url", help="the model store's address")
    fetch.add_argument("--digest", dest="model_digest", help="sha256:... of the model to fetch")
    return parser


def _with_model(options: dict[str, Any]) -> dict[str, Any]:
    """What `--model` says, as settings: a file names its folder and itself."""
    model: Path | None = options.pop("model", None)
    if model is None:
        return options
    if model.is_dir():
        return {"model_dir": model} | options
    return {"model_dir": model.parent, "model_file": model.name, "model_name": model.stem} | options


def _settings(options: dict[str, Any]) -> PredictorSettings:
    try:
        return PredictorSettings(**options)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            if problem["type"] == "default_factory_not_called":  # a default that depends on what is wrong
                continue
            field = ".".join(map(str, problem["loc"]))
            option = f"{_OPTIONS[field]} " if field in options and field in _OPTIONS else ""
            print(f"{option}PENSTOCK_{field.upper()}: {problem['msg']}: got {problem['input']!r}", file=sys.stderr)  # noqa: T201 - no log yet
        sys.exit(2)


def _serve(settings: PredictorSettings) -> int:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from penstock_predictor.server import serve  # noqa: PLC0415 - `fetch` shall not wait for onnxruntime and FastAPI

    return serve(settings)


def _fetch(settings: PredictorSettings) -> int:
    from penstock_predictor.fetch import Fetch  # noqa: PLC0415 - and `serve` not for httpx

    if not settings.store_url or not settings.model_digest:
        print("fetch needs PENSTOCK_STORE_URL and PENSTOCK_MODEL_DIGEST (or --store-url, --digest)", file=sys.stderr)  # noqa: T201
        return 2
    # As process 1 of a container Python would ignore SIGTERM, and every deleted pod would take its whole grace period.
    signal.signal(signal.SIGTERM, _end_by_signal)
    try:
        Fetch(
            store_url=settings.store_url,
            digest=settings.model_digest,
            folder=settings.model_dir,
            timeout_seconds=settings.fetch_timeout_seconds,
        ).run()
    except StartError as error:
        report_failure(error, settings.termination_log)
        return 1
    return 0


def _end_by_signal(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
