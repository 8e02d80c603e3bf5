import ipaddress

import pytest
from testcluster.addresses import CLUSTERS, NODES, PODS, SERVICES, Addresses, first_free


def test_the_first_cluster_has_the_first_addresses() -> None:
    first = Addresses(0)
    assert (first.host, first.node, first.link) == ("198.51.100.1", "198.51.100.2", "pstk0")


def test_no_two_clusters_share_an_address_or_a_link() -> None:
    every = [Addresses(index) for index in range(CLUSTERS)]
    used = [address for each in every for address in (each.host, each.node)]
    assert len(set(used)) == 2 * CLUSTERS
    assert len({each.link for each in every}) == CLUSTERS
    assert all(ipaddress.ip_address(address) in NODES for address in used)


def test_both_ends_of_a_link_are_in_one_network_of_their_own() -> None:
    for index in range(CLUSTERS):
        addresses = Addresses(index)
        network = ipaddress.ip_network(f"{addresses.node}/{addresses.prefix}", strict=False)
        assert list(network.hosts()) == [ipaddress.ip_address(addresses.host), ipaddress.ip_address(addresses.node)]


def test_link_names_fit_the_kernel() -> None:
    assert max(len(Addresses(index).link) for index in range(CLUSTERS)) <= 15


def test_pods_services_and_nodes_do_not_overlap() -> None:
    assert not PODS.overlaps(SERVICES)
    assert not PODS.overlaps(NODES)
    assert not SERVICES.overlaps(NODES)


@pytest.mark.parametrize("index", [-1, CLUSTERS])
def test_an_index_outside_of_the_range_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 63"):
        Addresses(index)


@pytest.mark.parametrize(("taken", "free"), [(set(), 0), ({0, 1}, 2), ({0, 2}, 1), (set(range(CLUSTERS)), None)])
def test_the_smallest_free_index_is_taken(taken: set[int], free: int | None) -> None:
    assert first_free(taken) == free
