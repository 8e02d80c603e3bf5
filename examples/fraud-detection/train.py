"""Step 2 of the pipeline: train on the transactions, and register the version in MLflow. No alias names it yet."""

import argparse
import os
import sys
from pathlib import Path

from fraud_detection import pipeline_state
from fraud_detection.labelled_table import read_table
from fraud_detection.parity import ParityError
from fraud_detection.registry import RegistryAwayError, TrackingServer
from fraud_detection.registry_address import tracking_uri
from fraud_detection.train import Order, train
from fraud_detection.validation import TableError


def main() -> int:
    """Train on the file; answer the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="CSV file of labelled transactions, in the order of time")
    parser.add_argument("--model", default="fraud-detector", help="the registered model's name")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds and data, equal bytes")
    options = parser.parse_args()
    report = pipeline_state.DATA_REPORT
    try:
        order = Order(
            seed=options.seed,
            table=read_table(options.data),
            registered_name=options.model,
            tags=lineage(),
            files=(report,) if report.exists() else (),
        )
        result = train(order, TrackingServer(tracking_uri()), print)
    except (ParityError, RegistryAwayError, TableError) as error:
        print(f"training failed: {error}", file=sys.stderr)
        return 1
    pipeline_state.write(pipeline_state.TRAINED, result)
    return 0


def lineage() -> dict[str, str]:
    """Tell from which commit and by which run of GitHub's the version is; elsewhere nothing."""
    told = os.environ.get
    if not told("GITHUB_RUN_ID"):
        return {}
    run = f"{told('GITHUB_SERVER_URL')}/{told('GITHUB_REPOSITORY')}/actions/runs/{told('GITHUB_RUN_ID')}"
    return {"pipeline.commit": told("GITHUB_SHA", ""), "pipeline.run": run}


if __name__ == "__main__":
    sys.exit(main())
