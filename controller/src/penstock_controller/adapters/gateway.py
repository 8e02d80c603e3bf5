"""The gateways port: the gateway pods that count, and what each of them answers."""

import asyncio
import logging

import httpx
from kubernetes.aio.client import ApiClient, CoreV1Api, V1Pod
from pydantic import ValidationError

from penstock_contracts.evidence import GatewayEvidence
from penstock_contracts.names import COMPONENT_GATEWAY, GATEWAY_AGENT_PORT, LABEL_COMPONENT
from penstock_contracts.traffic import GatewayStatus
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, translated
from penstock_controller.api.names import LABEL_INSTANCE
from penstock_controller.ports import Key
from penstock_controller.rollout.observation import ArmTries, GatewayPod, Reading
from penstock_controller.telemetry import Telemetry

_log = logging.getLogger(__name__)
_ENVOY = "envoy"
"""Name of the container that serves users."""


class HttpGateways:
    """Lists gateway pods and asks each agent what its Envoy has confirmed."""

    def __init__(
        self,
        api: ApiClient,
        client: httpx.AsyncClient,
        telemetry: Telemetry,
        *,
        namespace: str,
        release: str,
        agent_port: int = GATEWAY_AGENT_PORT,
    ) -> None:
        self._core = CoreV1Api(api)
        self._client = client
        self._telemetry = telemetry
        self._namespace = namespace
        self._agent_port = agent_port
        self._selector = f"{LABEL_INSTANCE}={release},{LABEL_COMPONENT}={COMPONENT_GATEWAY}"

    async def observe(self, key: Key) -> tuple[GatewayPod, ...]:
        """The gateway pods that may be sending users' requests."""
        return tuple(await asyncio.gather(*(self._applied(pod, key) for pod in await self._pods())))

    async def evidence(self, key: Key, attempt: int) -> tuple[Reading, ...]:
        """The counters of those that answer. One that does not is made up for when it does again."""
        answers = await asyncio.gather(*(self._counters(pod, key, attempt) for pod in await self._pods()))
        return tuple(answer for answer in answers if answer is not None)

    async def _pods(self) -> list[V1Pod]:
        with translated("list gateway pods"):
            pods = await self._core.list_namespaced_pod(
                self._namespace, label_selector=self._selector, _request_timeout=TIMEOUT
            )
        return [pod for pod in pods.items if _counts(pod)]

    async def _applied(self, pod: V1Pod, key: Key) -> GatewayPod:
        name = str(pod.metadata.name)
        try:
            status = GatewayStatus.model_validate_json(await self._get(pod, "/v1/applied"))
        except httpx.HTTPError as error:
            return GatewayPod(name=name, number=None, problem=f"does not answer: {type(error).__name__}")
        except ValidationError as error:
            return GatewayPod(name=name, number=None, problem=f"answer not understood: {error.error_count()} errors")
        return _seen(name, status, key)

    async def _counters(self, pod: V1Pod, key: Key, attempt: int) -> Reading | None:
        path = f"/v1/evidence/{key.namespace}/{key.name}?attempt={attempt}"
        try:
            answer = GatewayEvidence.model_validate_json(await self._get(pod, path))
        except (httpx.HTTPError, ValidationError) as error:
            self._telemetry.evidence_missed()
            _log.warning("no evidence from gateway pod %s: %s", pod.metadata.name, type(error).__name__)
            return None
        return _reading(answer)

    async def _get(self, pod: V1Pod, path: str) -> bytes:
        answer = await self._client.get(f"http://{pod.status.pod_ip}:{self._agent_port}{path}")
        return answer.raise_for_status().content


def _reading(answer: GatewayEvidence) -> Reading:
    tries = (
        ArmTries(revision=one.revision, arm=one.arm, tries=one.tries, failures=one.failures, kinds=one.kinds)
        for one in answer.tries
    )
    return Reading(source=f"{answer.pod}/{answer.epoch}", tries=tuple(tries))


def _seen(name: str, status: GatewayStatus, key: Key) -> GatewayPod:
    for applied in status.applied:
        if (applied.namespace, applied.name) == (key.namespace, key.name):
            return GatewayPod(
                name=name, number=applied.number, endpoints=dict(applied.endpoints), problem=status.rejected
            )
    return GatewayPod(name=name, number=None, problem=status.rejected)


def _counts(pod: V1Pod) -> bool:
    """Ready, or terminating while its Envoy still runs: both may hold users' requests."""
    if not pod.status.pod_ip:
        return False
    if pod.metadata.deletion_timestamp is None:
        return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or [])
    statuses = pod.status.container_statuses or []
    return any(item.name == _ENVOY and item.state and item.state.running for item in statuses)
