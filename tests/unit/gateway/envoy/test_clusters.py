import json

import pytest

from penstock_gateway.api_server.snapshot import Endpoint
from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.splits.configuration import ClusterName, Pool
from penstock_testing.gateway.configurations import CASES, R1
from penstock_testing.gateway.golden import check_golden


@pytest.mark.parametrize("name", CASES)
def test_clusters_are_as_agreed(name: str) -> None:
    check_golden(f"{name}.clusters", render_clusters(CASES[name].clusters).text)


def test_of_few_pods_all_may_be_left_alone_and_of_many_half() -> None:
    pods = [Endpoint(f"10.0.0.{number}", 8080) for number in range(1, 5)]
    shares = []
    for count in (1, 3, 4):
        pool = Pool(endpoints=tuple(pods[:count]))
        (cluster,) = json.loads(render_clusters({ClusterName(R1): pool}).text)["resources"]
        shares.append(cluster["outlier_detection"]["max_ejection_percent"])
    assert shares == [100, 100, 50]


def test_clusters_come_before_the_composites_that_lead_to_them() -> None:
    clusters = json.loads(render_clusters(CASES["rollout"].clusters).text)["resources"]
    composites = ["cluster_type" in cluster for cluster in clusters]
    assert composites == sorted(composites)
    defined = {cluster["name"] for cluster in clusters}
    for cluster in clusters[composites.index(True) :]:
        assert {one["name"] for one in cluster["cluster_type"]["typed_config"]["clusters"]} < defined
