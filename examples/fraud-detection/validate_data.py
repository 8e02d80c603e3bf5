"""Step 1 of the pipeline: are the transactions fit to be trained on? What was found goes to build/data-report.json."""

import argparse
import sys
from pathlib import Path

from fraud_detection import pipeline_state
from fraud_detection.validation import TableError, validate

BAD_DATA = 3


def main() -> int:
    """Validate the file; answer the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="CSV file of labelled transactions")
    options = parser.parse_args()
    try:
        report = validate(options.data)
    except TableError as error:
        print(f"bad data: {error}", file=sys.stderr)
        return BAD_DATA
    pipeline_state.write(pipeline_state.DATA_REPORT, report)
    for problem in report.problems:
        print(f"bad data: {problem}", file=sys.stderr)
    if not report.valid:
        return BAD_DATA
    print(f"{report.rows} rows of {report.file} are valid")
    return 0


if __name__ == "__main__":
    sys.exit(main())
