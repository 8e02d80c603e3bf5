import pytest

from penstock_gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "https://collector", "http://u:p@collector", "http://collector?a=b"]
)
def test_an_endpoint_that_envoy_cannot_be_told_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="tracing_endpoint"):
        GatewaySettings(tracing_endpoint=endpoint)
