"""The command line: `python -m fraud_detection --help`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from fraud_detection import data, registry_address

NOT_BETTER = 3
"""Exit code of `retrain`: the champion is not beaten. To try again at once changes nothing."""
TOO_FEW_LABELS = 4
"""Exit code of `retrain`: too little truth to learn from or to judge by. To try again at once changes nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answer the exit code."""
    options = _parser().parse_args(arguments)
    commands = {
        "train": _train,
        "retrain": _retrain,
        "data": _data,
        "history": _history,
        "traffic-sample": _traffic_sample,
    }
    try:
        return commands[options.command](options)
    except BrokenPipeError:  # `python -m fraud_detection data | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _train(options: argparse.Namespace) -> int:
    # Imported here: MLflow and scikit-learn take seconds, and the other commands need neither.
    from fraud_detection.labelled_table import drawn, read_training_set  # noqa: PLC0415
    from fraud_detection.parity import ParityError  # noqa: PLC0415
    from fraud_detection.registry import RegistryAwayError, TrackingServer  # noqa: PLC0415
    from fraud_detection.train import Order, train  # noqa: PLC0415

    given = options.training_set
    order = Order(
        seed=options.seed,
        table=read_training_set(given) if given else drawn(options.rows, seed=options.seed, drift=options.drift),
        registered_name=options.registered_name,
        alias=options.alias,
        features=options.features,
    )
    try:
        outcome = train(order, TrackingServer(options.tracking_uri), _teller())
    except (ParityError, RegistryAwayError) as error:
        print(f"training failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(outcome)), flush=True)
    return 0


def _retrain(options: argparse.Namespace) -> int:
    from fraud_detection.champion import ChampionError  # noqa: PLC0415
    from fraud_detection.parity import ParityError  # noqa: PLC0415
    from fraud_detection.registry import RegistryAwayError, TrackingServer  # noqa: PLC0415
    from fraud_detection.retrain import NotBetter, RetrainOrder, retrain  # noqa: PLC0415
    from fraud_detection.window import Need, TooFewLabels, WindowError  # noqa: PLC0415

    order = RetrainOrder(
        window_url=options.window_url,
        registered_name=options.registered_name,
        alias=options.alias,
        move_alias=options.move_alias,
        champion=options.champion or None,
        must_gain=options.must_gain,
        need=Need(rows=options.min_rows, positives=options.min_positives),
        old_rows=options.old_rows,
        seed=options.seed,
        reason=os.environ.get("PENSTOCK_REASON", ""),
        report_url=os.environ.get("PENSTOCK_REPORT_URL", ""),
        run_tag=os.environ.get("PENSTOCK_RUN_TAG", ""),
        resource="/".join(filter(None, map(os.environ.get, ("PENSTOCK_NAMESPACE", "PENSTOCK_NAME")))),
    )
    try:
        outcome = retrain(order, TrackingServer(options.tracking_uri), _teller())
    except NotBetter as error:
        print(f"not better: {error}", file=sys.stderr)
        return NOT_BETTER
    except TooFewLabels as error:
        print(f"too few labels: {error}. Nothing was registered", file=sys.stderr)
        return TOO_FEW_LABELS
    except (ChampionError, ParityError, RegistryAwayError, WindowError) as error:
        print(f"retraining failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(outcome)), flush=True)
    return 0


def _teller() -> Callable[[str], None]:
    """Print lines with the seconds since now."""
    started = time.monotonic()
    return lambda line: print(f"[{time.monotonic() - started:5.1f} s] {line}", flush=True)


def _data(options: argparse.Namespace) -> int:
    data.labelled(options.rows, seed=options.seed, drift=options.drift).to_csv(sys.stdout, index=False)
    return 0


def _history(options: argparse.Namespace) -> int:
    from fraud_detection.history import history  # noqa: PLC0415 - pandas takes a second

    past = history(options.rows, seed=options.seed, until=datetime.now(UTC))
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, table in vars(past).items():
        table.to_parquet(options.folder / f"{name}.parquet", index=False)
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
    train.add_argument("--training-set", type=Path, help="labelled rows to train on in place of drawn ones (parquet)")
    train.add_argument("--features", type=Path, help="features.json: which columns are looked up in serving")
    _add_tracking_uri(train)
    _add_retrain(commands.add_parser("retrain", help="train on what users sent; register it if it beats the champion"))

    table = commands.add_parser("data", help="write labelled transactions to stdout as CSV")
    _add_draw(table, rows=1000, seed=1)
    past = commands.add_parser("history", help="write a feature store's past and the transactions in it, as parquet")
    past.add_argument("folder", type=Path)
    past.add_argument("--rows", type=_at_least(1), default=36_000, help="transactions to draw (default 36000)")
    past.add_argument("--seed", type=_at_least(0), default=1, help="equal seeds, equal rows (default 1)")
    sample = commands.add_parser("traffic-sample", help="print the body of a POST /predict")
    _add_draw(sample, rows=1, seed=2)
    return parser


def _add_retrain(retrain: argparse.ArgumentParser) -> None:
    """Add options whose defaults are what Penstock tells the Jobs that it starts."""
    told = os.environ.get
    window = told("PENSTOCK_WINDOW_URL") or None
    retrain.add_argument(
        "--window-url",
        default=window,
        required=window is None,
        help="where the drift monitor gives the window (default: PENSTOCK_WINDOW_URL)",
    )
    retrain.add_argument(
        "--registered-name",
        default=told("PENSTOCK_MODEL") or "fraud-detector",
        help="the registered model's name (default: PENSTOCK_MODEL, else fraud-detector)",
    )
    retrain.add_argument(
        "--alias",
        default=told("PENSTOCK_ALIAS") or "champion",
        help="what names the version that is to serve (default: PENSTOCK_ALIAS, else champion)",
    )
    retrain.add_argument(
        "--move-alias", action=argparse.BooleanOptionalAction, default=True, help="move it to the new version"
    )
    retrain.add_argument(
        "--champion",
        default=told("PENSTOCK_STABLE_VERSION"),
        help="the version to beat (default: PENSTOCK_STABLE_VERSION, else the one that the alias names)",
    )
    retrain.add_argument("--must-gain", type=float, default=0.0, help="AUC to gain over the champion (default: any)")
    retrain.add_argument("--min-rows", type=_at_least(10), default=500, help="labelled rows needed (default 500)")
    retrain.add_argument(
        "--min-positives", type=_at_least(1), default=20, help="frauds needed in the newest fifth (default 20)"
    )
    retrain.add_argument(
        "--old-rows", type=_at_least(0), default=1000, help="rows of the champion's sample to train on (default 1000)"
    )
    retrain.add_argument("--seed", type=_at_least(0), default=1, help="equal seeds and rows, equal bytes (default 1)")
    _add_tracking_uri(retrain)


def _add_tracking_uri(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tracking-uri",
        default=registry_address.tracking_uri(),
        help=f"the MLflow server (default: MLFLOW_TRACKING_URI, else {registry_address.DEFAULT})",
    )


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
