from penstock_gateway.envoy.bootstrap import render_bootstrap
from penstock_gateway.settings import GatewaySettings
from penstock_testing.gateway.golden import check_golden


def test_the_bootstrap_is_as_agreed() -> None:
    check_golden("bootstrap", render_bootstrap(GatewaySettings(pod_name="gateway-0"), epoch="e1"))
