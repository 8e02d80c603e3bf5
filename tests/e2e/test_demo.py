"""The story that `make demo` shows: trained in the cluster, promoted by steps, taken back when it answers errors."""

from collections.abc import Iterator

import pytest

from penstock_testing.cluster import Cluster
from penstock_testing.demo import USERS, Demo
from penstock_testing.platform import Platform
from penstock_testing.stages import Stages


@pytest.fixture
def demo(platform: Platform, cluster: Cluster) -> Iterator[Demo]:
    yield Demo(platform.cluster, Stages())
    cluster.kubectl("delete", "namespace", USERS, "--ignore-not-found", "--wait=false")


def test_the_demo_keeps_what_it_claims(demo: Demo) -> None:
    summary = demo.run()
    assert summary["problems"] == []
    assert summary["requests_sent"] > 0
    first, second, flawed = (each["version"] for each in summary["versions"])
    # Whether the flawed version answers any of its few tries before it goes is chance.
    assert {first, second} <= set(summary["by_version"]) <= {first, second, flawed}
    (gate,) = summary["decisions"][1]["gates"]
    assert gate["candidate"]["failures"] > 0
