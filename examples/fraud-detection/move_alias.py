"""Step 5 of the pipeline: let the alias name the version. With that Penstock begins to roll it out."""

import argparse
import sys

from fraud_detection import pipeline_state
from fraud_detection.pipeline_state import StepMissingError, VersionRef
from fraud_detection.registry import RegistryAwayError, TrackingServer
from fraud_detection.registry_address import tracking_uri


def main() -> int:
    """Move the alias to the version that train.py registered; answer the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alias", default="champion", help="the one that the ModelDeployment follows")
    options = parser.parse_args()
    try:
        trained = pipeline_state.read_version(pipeline_state.TRAINED, written_by="train.py")
        awaited = move(TrackingServer(tracking_uri()), options.alias, trained)
    except (RegistryAwayError, StepMissingError) as error:
        print(f"the alias was not moved: {error}", file=sys.stderr)
        return 1
    pipeline_state.write(pipeline_state.AWAITED, awaited)
    return 0


def move(registry: TrackingServer, alias: str, trained: VersionRef) -> VersionRef:
    """Move an alias; answer the version whose rollout is to be waited for. Raises RegistryAwayError.

    A version with the bytes of the one that the alias names would not be rolled out, and have no outcome: the alias
    stays, and the other one's outcome counts. That is so when the same commit is built again.
    """
    model, version = trained.model, trained.version
    named = registry.aliases(model).get(alias)
    if named and named != version and registry.served_files(model, named) == registry.served_files(model, version):
        print(f"alias {alias} stays at version {named}: version {version} has the same bytes")
        return VersionRef(model=model, version=named)
    registry.move_alias(model, alias, version)
    print(f"alias {alias} of {model} names version {version}" + (f" instead of {named}" if named else ""))
    return trained


if __name__ == "__main__":
    sys.exit(main())
