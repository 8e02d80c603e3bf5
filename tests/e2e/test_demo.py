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
    assert set(summary["by_version"]) == {each["version"] for each in summary["versions"]}
