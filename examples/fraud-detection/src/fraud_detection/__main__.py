"""The command line: `python -m fraud_detection --help`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from fraud_detection import data

DEFAULT_MLFLOW = "http://127.0.0.1:5000"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answer the exit code."""
    options = _parser().parse_args(arguments)
    commands = {"train": _train, "data": _data, "traffic-sample": _traffic_sample}
    try:
        return commands[options.command](options)
    except BrokenPipeError:  # `python -m fraud_detection data | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _train(options: argparse.Namespace) -> int:
    # Imported here: MLflow and scikit-learn take seconds, and the other commands need neither.
    from fraud_detection.parity import ParityError  # noqa: PLC0415
    from fraud_detection.registry import Registry, RegistryAwayError  # noqa: PLC0415
    from fraud_detection.train import Order, train  # noqa: PLC0415

    order = Order(
        seed=options.seed,
        rows=options.rows,
        drift=options.drift,
        registered_name=options.registered_name,
        alias=options.alias,
    )
    started = time.monotonic()
    try:
        outcome = train(
            order,
            Registry(options.tracking_uri),
            lambda line: print(f"[{time.monotonic() - started:5.1f} s] {line}", flush=True),
        )
    except (ParityError, RegistryAwayError) as error:
        print(f"training failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(outcome)), flush=True)
    return 0


def _data(options: argparse.Namespace) -> int:
    data.labelled(options.rows, seed=options.seed, drift=options.drift).to_csv(sys.stdout, index=False)
    return 0


def _traffic_sample(options: argparse.Namespace) -> int:
    print(json.dumps({"instances": data.instances(options.rows, seed=options.seed, drift=options.drift)}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fraud_detection", description="Fraud detection, a complete case")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train, convert to ONNX and register a version in MLflow")
    _add_draw(train, rows=36_000, seed=1)
    train.add_argument("--registered-name", default="fraud-detector", help="the registered model's name")
    train.add_argument("--alias", help="move this alias to the new version, for example champion")
    train.add_argument(
        "--tracking-uri",
        default=os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_MLFLOW),
        help=f"the MLflow server (default: MLFLOW_TRACKING_URI, else {DEFAULT_MLFLOW})",
    )

    table = commands.add_parser("data", help="write labelled transactions to stdout as CSV")
    _add_draw(table, rows=1000, seed=1)
    sample = commands.add_parser("traffic-sample", help="print the body of a POST /predict")
    _add_draw(sample, rows=1, seed=2)
    return parser


def _add_draw(parser: argparse.ArgumentParser, *, rows: int, seed: int) -> None:
    parser.add_argument("--rows", type=_at_least(1), default=rows, help=f"transactions to draw (default {rows})")
    parser.add_argument("--seed", type=_at_least(0), default=seed, help=f"equal seeds, equal rows (default {seed})")
    parser.add_argument("--drift", type=_share, default=0.0, help="0: the training world (default), 1: drifted fully")


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            msg = f"must be at least {least}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return parse


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
