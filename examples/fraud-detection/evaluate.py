"""Step 3 of the pipeline: is the registered version good enough, on rows that it never saw?"""

import argparse
import sys
from pathlib import Path

from fraud_detection import pipeline_state
from fraud_detection.evaluation import BelowBarError, evaluate
from fraud_detection.labelled_table import read_table
from fraud_detection.pipeline_state import StepMissingError
from fraud_detection.registry import RegistryAwayError, TrackingServer
from fraud_detection.registry_address import tracking_uri
from fraud_detection.validation import TableError

BELOW_BAR = 3


def main() -> int:
    """Judge the version that train.py registered; answer the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the file that train.py was given")
    parser.add_argument("--min-auc", type=float, required=True, help="the least AUC that may go to users, such as 0.85")
    options = parser.parse_args()
    try:
        trained = pipeline_state.read_version(pipeline_state.TRAINED, written_by="train.py")
        files = TrackingServer(tracking_uri()).served_files(trained.model, trained.version)
        evaluation = evaluate(
            trained.model, trained.version, files.onnx_model, read_table(options.data), min_auc=options.min_auc
        )
        pipeline_state.write(pipeline_state.EVALUATION, evaluation)
        evaluation.require()
    except BelowBarError as error:
        print(f"not good enough: {error}", file=sys.stderr)
        return BELOW_BAR
    except (RegistryAwayError, StepMissingError, TableError) as error:
        print(f"evaluation failed: {error}", file=sys.stderr)
        return 1
    print(evaluation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
