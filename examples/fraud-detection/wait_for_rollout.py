"""Step 6 of the pipeline: wait until the version is promoted; fail with the decision record where it is not.

MLflow is all that this needs: Penstock writes on each version how its rollout ended.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from fraud_detection import pipeline_state
from fraud_detection.pipeline_state import StepMissingError
from fraud_detection.registry import RegistryAwayError, TrackingServer
from fraud_detection.registry_address import tracking_uri
from fraud_detection.rollout_outcome import (
    Awaited,
    NoOutcomeError,
    NotPromotedError,
    await_promotion,
    find_serving,
)

NOT_PROMOTED = 3
NO_OUTCOME = 4
PAUSE_SECONDS = 2.0


def main() -> int:
    """Wait for the version that move_alias.py left; answer the exit code."""
    options = parser().parse_args()
    try:
        version = pipeline_state.read_version(pipeline_state.AWAITED, written_by="move_alias.py")
        awaited = Awaited(
            model=version.model, version=version.version, resource=options.resource, cluster=options.cluster
        )
        registry = TrackingServer(tracking_uri())
        if same := serving_alike(registry, awaited):
            tell(f"version {awaited.version} has the bytes of version {same}, which serves: no rollout", sys.stdout)
            return 0
        print(f"waiting until {awaited.resource} has rolled out {awaited.model} version {awaited.version}", flush=True)
        outcomes = await_promotion(awaited, reader(registry, awaited), patience(options.minutes * 60))
    except NotPromotedError as error:
        tell(str(error), sys.stderr)
        return NOT_PROMOTED
    except NoOutcomeError as error:
        tell(str(error), sys.stderr)
        return NO_OUTCOME
    except (RegistryAwayError, StepMissingError) as error:
        print(f"cannot wait: {error}", file=sys.stderr)
        return 1
    tell("\n".join(map(str, outcomes)), sys.stdout)
    return 0


def parser() -> argparse.ArgumentParser:
    """Answer the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--resource", required=True, help="the ModelDeployment, as namespace/name")
    options.add_argument("--cluster", default="", help="the administrator's name of its cluster, where several follow")
    options.add_argument("--minutes", type=float, default=60, help="that steps and bake may take (default 60)")
    return options


def serving_alike(registry: TrackingServer, awaited: Awaited) -> str | None:
    """Find the version that serves, where it has the same bytes; raises RegistryAwayError.

    Penstock then changes the number that it shows, and rolls nothing out: so after a rollback and the revert of what
    caused it. None: there will be an outcome.
    """
    serving = find_serving(awaited, registry.tags_by_version(awaited.model))
    if not serving or awaited.version in serving:
        return None
    mine = registry.served_files(awaited.model, awaited.version)
    alike = all(registry.served_files(awaited.model, version) == mine for version in serving)
    return min(serving) if alike else None


def reader(registry: TrackingServer, awaited: Awaited) -> Callable[[], Mapping[str, str]]:
    """Answer what reads the version's tags. An MLflow that is away meanwhile is asked again."""

    def read() -> Mapping[str, str]:
        try:
            return registry.tags(awaited.model, awaited.version)
        except RegistryAwayError as error:
            print(f"asked again soon: {error}", flush=True)
            return {}

    return read


def patience(seconds: float) -> Callable[[], bool]:
    """Answer what pauses, and says whether there is time left."""
    deadline = time.monotonic() + seconds

    def wait() -> bool:
        time.sleep(PAUSE_SECONDS)
        return time.monotonic() < deadline

    return wait


def tell(text: str, stream: TextIO) -> None:
    """Print, and show it on the page of GitHub's run."""
    print(text, file=stream, flush=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as page:
            page.write(f"### Rollout\n\n```text\n{text}\n```\n")


if __name__ == "__main__":
    sys.exit(main())
