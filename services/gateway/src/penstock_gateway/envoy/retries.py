"""How often a request is tried.

Inference is idempotent: the same request may run twice without harm. So whatever a pod's end can do to a request
(refused, reset, 503 while it drains) is tried again on another pod. A try that has no answer after a third of the time
is not given up, a second one is asked beside it and the first answer wins: a slow model keeps its whole time limit.
"""

from typing import Any

from penstock_contracts.traffic import overtaken_after
from penstock_gateway.splits.configuration import SHIELDED_TRIES, TRIES

_TYPE = "type.googleapis.com/envoy"
_HOST_PICKS = 64
"""A dead pod has the fewest requests, so the balancer likes it: a handful of picks often finds no other."""
_REFUSED_FOR_LOAD = [408, 429]


def route_retries(timeout: float) -> dict[str, Any]:
    """Return a route's time limit, and how its tries follow each other."""
    again = _retry_policy("connect-failure,refused-stream,reset,retriable-status-codes", [503], TRIES)
    return {
        "timeout": f"{timeout:.3f}s",
        "idle_timeout": f"{timeout + 60:.3f}s",
        "hedge_policy": {"hedge_on_per_try_timeout": True},
        "retry_policy": {**again, "per_try_timeout": f"{overtaken_after(timeout):.3f}s"},
    }


def rescuing_retries() -> dict[str, Any]:
    """Return a composite cluster's policy. It replaces the route's but for the time limit; any failure is retried."""
    return _retry_policy("5xx,retriable-status-codes", _REFUSED_FOR_LOAD, SHIELDED_TRIES)


def _retry_policy(retry_on: str, codes: list[int], tries: int) -> dict[str, Any]:
    previous = f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": retry_on,
        "retriable_status_codes": codes,
        "num_retries": tries - 1,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
        "host_selection_retry_max_attempts": _HOST_PICKS,
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": previous}}
        ],
    }
