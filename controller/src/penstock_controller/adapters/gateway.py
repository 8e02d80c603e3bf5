"""The gateways port: the gateway pods that count, and what each of them answers."""

import asyncio

import httpx
from kubernetes.aio.client import ApiClient, CoreV1Api, V1Pod
from pydantic import ValidationError

from penstock_contracts.names import COMPONENT_GATEWAY, GATEWAY_AGENT_PORT, LABEL_COMPONENT
from penstock_contracts.traffic import GatewayStatus
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, translated
from penstock_controller.api.names import LABEL_INSTANCE, LABEL_NAME
from penstock_controller.ports import Key
from penstock_controller.rollout.observation import GatewayPod

_ENVOY = "envoy"
"""Name of the container that serves users."""


class HttpGateways:
    """Lists gateway pods and asks each agent what its Envoy has confirmed."""

    def __init__(self, api: ApiClient, client: httpx.AsyncClient, *, namespace: str, release: str) -> None:
        self._core = CoreV1Api(api)
        self._client = client
        self._namespace = namespace
        self._selector = f"{LABEL_INSTANCE}={release},{LABEL_NAME}=penstock,{LABEL_COMPONENT}={COMPONENT_GATEWAY}"

    async def observe(self, key: Key) -> tuple[GatewayPod, ...]:
        """The gateway pods that may be sending users' requests."""
        with translated("list gateway pods"):
            pods = await self._core.list_namespaced_pod(
                self._namespace, label_selector=self._selector, _request_timeout=TIMEOUT
            )
        counted = [pod for pod in pods.items if _counts(pod)]
        return tuple(await asyncio.gather(*(self._ask(pod, key) for pod in counted)))

    async def _ask(self, pod: V1Pod, key: Key) -> GatewayPod:
        name = str(pod.metadata.name)
        try:
            answer = await self._client.get(f"http://{pod.status.pod_ip}:{GATEWAY_AGENT_PORT}/v1/applied")
            answer.raise_for_status()
            status = GatewayStatus.model_validate_json(answer.content)
        except httpx.HTTPError as error:
            return GatewayPod(name=name, number=None, problem=f"does not answer: {type(error).__name__}")
        except ValidationError as error:
            return GatewayPod(name=name, number=None, problem=f"answer not understood: {error.error_count()} errors")
        return _seen(name, status, key)


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
