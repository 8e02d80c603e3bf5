import json

from penstock_gateway.envoy.bootstrap import render_bootstrap
from penstock_gateway.settings import GatewaySettings
from penstock_testing.gateway.golden import check_golden


def test_traces_are_all_that_a_collector_adds_to_the_bootstrap() -> None:
    traced = GatewaySettings(
        pod_name="gateway-0", tracing_endpoint="http://collector.svc:4318/", tracing_sampling_percentage=5
    )
    rendered = json.loads(render_bootstrap(traced, epoch="e1"))
    users = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    tracing = users.pop("tracing")
    (collector,) = rendered["static_resources"].pop("clusters")
    del rendered["layered_runtime"]
    check_golden("bootstrap", json.dumps(rendered))
    sampler = tracing["provider"]["typed_config"]["sampler"]["typed_config"]["wrapped_sampler"]["typed_config"]
    assert sampler["sampling_percentage"] == {"numerator": 50_000, "denominator": "MILLION"}
    sent_to = tracing["provider"]["typed_config"]["http_service"]["http_uri"]
    assert (sent_to["uri"], sent_to["cluster"]) == ("http://collector.svc:4318/v1/traces", collector["name"])
    address = collector["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert address == {"address": "collector.svc", "port_value": 4318}
