"""The traffic provider of our own gateway: the gateway pods that count, and what each of them answers."""

import asyncio
import logging
from contextlib import aclosing
from datetime import UTC, datetime

import httpx
from kubernetes.aio.client import ApiClient, CoreV1Api, V1Pod
from pydantic import ValidationError

from penstock_contracts.evidence import GatewayEvidence
from penstock_contracts.names import COMPONENT_GATEWAY, GATEWAY_AGENT_PORT, LABEL_COMPONENT
from penstock_contracts.traffic import GatewayStatus, Traffic
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, translated
from penstock_controller.gates.evidence import TryCount
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.observation import ArmTries, GatewayPod, Reading
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.workload.names import LABEL_INSTANCE

_log = logging.getLogger(__name__)
_ENVOY = "envoy"
"""Name of the container that serves users."""
_ENDED = ("Succeeded", "Failed")


_CAPABILITIES = TrafficCapabilities(mirror=True, stickiness=True, header_match=True, rescue=True, evidence=True)


class GatewayAgents:
    """Lists gateway pods and asks each agent what its Envoy has confirmed.

    The agents watch ModelDeployments and read the desired split from `status.traffic` themselves.
    """

    def __init__(
        self,
        api: ApiClient,
        client: httpx.AsyncClient,
        telemetry: ControllerTelemetry,
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

    @property
    def capabilities(self) -> TrafficCapabilities:
        """All that a spec may ask for."""
        return _CAPABILITIES

    async def publish(self, resource: ModelDeployment, traffic: Traffic | None) -> None:
        """Nothing is left to do: the status write, which comes before, is what the agents watch for."""

    async def observe(self, key: ResourceKey) -> tuple[GatewayPod, ...]:
        """The gateway pods that may be sending users' requests, those that do not answer among them."""
        return tuple(await asyncio.gather(*(self._applied(pod, key) for pod in await self._pods())))

    async def evidence(self, key: ResourceKey, attempt: int) -> tuple[Reading, ...]:
        """The counters of those that answer. One that does not is made up for when it does again."""
        answers = await asyncio.gather(*(self._counters(pod, key, attempt) for pod in await self._pods()))
        return tuple(answer for answer in answers if answer is not None)

    async def _pods(self) -> list[V1Pod]:
        with translated("list gateway pods"):
            pods = await self._core.list_namespaced_pod(
                self._namespace, label_selector=self._selector, _request_timeout=TIMEOUT
            )
        return [pod for pod in pods.items if _counts(pod)]

    async def _applied(self, pod: V1Pod, key: ResourceKey) -> GatewayPod:
        name = str(pod.metadata.name)
        try:
            status = GatewayStatus.model_validate_json(
                await self._get(pod, f"/v1/applied/{key.namespace}/{key.name}"),
            )
        except httpx.HTTPError as error:
            problem = f"does not answer: {type(error).__name__}{_advice(pod)}"
            return GatewayPod(name=name, number=None, problem=problem)
        except ValidationError as error:
            return GatewayPod(name=name, number=None, problem=f"answer not understood: {error.error_count()} errors")
        return _seen(name, status)

    async def _counters(self, pod: V1Pod, key: ResourceKey, attempt: int) -> Reading | None:
        path = f"/v1/evidence/{key.namespace}/{key.name}?attempt={attempt}"
        try:
            answer = GatewayEvidence.model_validate_json(await self._get(pod, path))
        except (httpx.HTTPError, ValidationError) as error:
            self._telemetry.evidence_missed()
            _log.warning("no evidence from gateway pod %s: %s", pod.metadata.name, type(error).__name__)
            return None
        return _reading(answer)

    async def _get(self, pod: V1Pod, path: str) -> bytes:
        request = self._client.build_request("GET", f"http://{pod.status.pod_ip}:{self._agent_port}{path}")
        async with aclosing(await sent(self._client, request)) as answer:
            return await answer.raise_for_status().aread()


def _reading(answer: GatewayEvidence) -> Reading:
    tries = (
        ArmTries(
            revision=one.revision,
            arm=one.reason,
            tries=one.tries,
            failures=one.failures,
            kinds=one.kinds,
            latencies=one.latencies,
            pods={pod.address: TryCount(tries=pod.tries, failures=pod.failures, kinds=pod.kinds) for pod in one.pods},
        )
        for one in answer.tries
    )
    return Reading(source=f"{answer.pod}/{answer.epoch}", tries=tuple(tries))


def _seen(name: str, status: GatewayStatus) -> GatewayPod:
    if status.applied is None:
        return GatewayPod(name=name, number=None, problem=status.rejected)
    return GatewayPod(
        name=name,
        number=status.applied.number,
        endpoints=dict(status.applied.endpoints),
        problem=status.rejected,
    )


def _counts(pod: V1Pod) -> bool:
    """Whether users' requests may be on it.

    Readiness steers new connections; those that are open stay with their Envoy for as long as it runs, whatever has
    become of the agent, of the pod's readiness or of the kubelet. So a pod counts from the first time it was ready
    until that Envoy's end. One that has not been ready since its Envoy started was given no connection: a pod that
    cannot come up holds nobody up.
    """
    if not pod.status.pod_ip or pod.status.phase in _ENDED:
        return False
    ready = next((item for item in pod.status.conditions or [] if item.type == "Ready"), None)
    if pod.metadata.deletion_timestamp is None and ready is not None and ready.status == "True":
        return True
    started = _envoy_runs_since(pod)
    if started is None:
        return False
    never_ready = ready is not None and ready.last_transition_time is not None and ready.last_transition_time <= started
    return pod.metadata.deletion_timestamp is not None or not never_ready


def _envoy_runs_since(pod: V1Pod) -> datetime | None:
    for item in pod.status.container_statuses or []:
        if item.name == _ENVOY and item.state and item.state.running:
            # A kubelet that says no time says nothing to rely on: then it may have been ready.
            return item.state.running.started_at or datetime.min.replace(tzinfo=UTC)
    return None


def _advice(pod: V1Pod) -> str:
    """What a person may do about a pod that stays silent; empty: the kubelet starts a hung agent again by itself."""
    lost = next((item for item in pod.status.conditions or [] if item.reason == "NodeStatusUnknown"), None)
    if lost is None:
        return ""
    node = pod.spec.node_name
    return f"; nobody hears of its node {node}: if that is gone for good, delete the node"
