"""One call of a webhook that trains, built without I/O from the user's spec."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from penstock_contracts.api import duration
from penstock_contracts.api.retrain import RetrainingJob, Webhook
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.errors import Rejected
from penstock_controller.workload.objects import Object
from penstock_controller.workload.retraining_job import environment

MOST_BYTES = 2**18
"""Of what is sent."""
_DEEPEST = 32
_TRAINING = "PENSTOCK_TRAINING"
_VARIABLE = re.compile(r"\$(?:\$|\(([A-Za-z_][A-Za-z0-9_]*)\))")


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """What is sent, and where to."""

    name: str
    """Of the run: the Idempotency-Key."""
    namespace: str
    url: str
    secret: str | None
    """The Secret with its headers."""
    seconds: float
    """Within which it is to answer."""
    body: bytes = field(repr=False)
    """JSON."""


def webhook_call(
    metadata: Object, spec: ModelDeploymentSpec, webhook: Webhook, job: RetrainingJob, monitor_url: str
) -> WebhookCall:
    """The call that starts a training. `metadata`: of the ModelDeployment.

    The same training makes the same call, whenever it is built. Raises Rejected for a body that cannot be sent.
    """
    told = environment(
        metadata,
        spec,
        run=job.name,
        reason=job.reason,
        stable_version=job.stable_version,
        monitor_url=monitor_url,
    )
    training = document(metadata, spec, job, told)
    variables: dict[str, str] = told | {
        "PENSTOCK_STARTED_AT": job.started_at,
        "PENSTOCK_DEADLINE": job.deadline or "",
        "PENSTOCK_COLUMNS": ",".join(job.columns),
        "PENSTOCK_REFERENCE": training["reference"],
    }
    sent = training if webhook.body is None else _filled(webhook.body, variables, training)
    body = json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
    if len(body) > MOST_BYTES:
        raise Rejected(f"body has {len(body)} bytes, and at most {MOST_BYTES} are sent: leave something out")
    return WebhookCall(
        name=job.name,
        namespace=metadata["namespace"],
        url=webhook.url,
        secret=webhook.headers_secret,
        seconds=duration.seconds(webhook.timeout),
        body=body,
    )


def document(metadata: Object, spec: ModelDeploymentSpec, job: RetrainingJob, told: dict[str, str]) -> dict[str, Any]:
    """A training as JSON. `told`: what a Job would find in its environment."""
    return {
        "name": job.name,
        "number": job.number,
        "resource": {"namespace": metadata["namespace"], "name": metadata["name"]},
        "registry": {
            "connection": spec.registry.connection,
            "model": spec.registry.model,
            "alias": told["PENSTOCK_ALIAS"],
        },
        "champion": {"version": job.stable_version, "digest": job.stable_digest},
        "named": job.named_version,
        "reference": f"models:/{spec.registry.model}/{job.stable_version}",
        "reason": job.reason,
        "columns": list(job.columns),
        "labelled": job.labelled,
        "monitor": told["PENSTOCK_MONITOR_URL"],
        "report": told["PENSTOCK_REPORT_URL"],
        "window": told["PENSTOCK_WINDOW_URL"],
        "startedAt": job.started_at,
        "deadline": job.deadline,
    }


def _filled(part: Any, variables: dict[str, str], training: dict[str, Any], depth: int = 0) -> Any:
    """A part of the body with the variables' values; other names stay as they are, as in a Job."""
    if depth > _DEEPEST:
        raise Rejected(f"body is nested more than {_DEEPEST} levels deep: make it flatter")
    match part:
        case str() if part == f"$({_TRAINING})":
            return training
        case str():
            return _VARIABLE.sub(lambda found: "$" if found[1] is None else variables.get(found[1], found[0]), part)
        case dict():
            return {name: _filled(value, variables, training, depth + 1) for name, value in part.items()}
        case list():
            return [_filled(value, variables, training, depth + 1) for value in part]
        case _:
            return part
