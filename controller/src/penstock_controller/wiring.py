"""The only place that constructs adapters and the reconciler."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
from kubernetes.aio import client, config
from prometheus_client import CollectorRegistry

from penstock_contracts.divergence import DivergenceWish
from penstock_controller.adapters.drift_monitor import SECONDS as MONITOR_SECONDS
from penstock_controller.adapters.drift_monitor import HttpDriftMonitor
from penstock_controller.adapters.gateway import GatewayAgents
from penstock_controller.adapters.kubernetes.autoscalers import KubernetesAutoscalers
from penstock_controller.adapters.kubernetes.claims import KubernetesClaims
from penstock_controller.adapters.kubernetes.events import KubernetesEvents
from penstock_controller.adapters.kubernetes.jobs import KubernetesJobs
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.adapters.kubernetes.secrets import SecretAddresses, SecretHeaders
from penstock_controller.adapters.kubernetes.workloads import KubernetesWorkloads
from penstock_controller.adapters.measurements import HttpMeasurements
from penstock_controller.adapters.mlflow_api import MlflowApi
from penstock_controller.adapters.mlflow_recorder import MlflowRecorder
from penstock_controller.adapters.mlflow_registry import MlflowRegistry
from penstock_controller.adapters.model_store import HttpModelStore
from penstock_controller.adapters.pipelines import HttpPipelines
from penstock_controller.adapters.receivers import HttpReceivers
from penstock_controller.adapters.registry_connection import RegistryConnection
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.effects import Effects, Executors
from penstock_controller.live_aliases import LiveAliases
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.monitor_watch import MonitorWatch
from penstock_controller.notification_outbox import NotificationDefaults, NotificationOutbox
from penstock_controller.observer import BesidePasses, PassAdapters, PassObserver
from penstock_controller.operator import Operator
from penstock_controller.ports import ResourceKey
from penstock_controller.reconcile import Reconciler
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.retraining_jobs import RetrainingJobs
from penstock_controller.roll import Roll
from penstock_controller.scope import Scope
from penstock_controller.settings import ControllerSettings
from penstock_controller.steady_clock import SteadyClock
from penstock_controller.store_keeper import StoreKeeper
from penstock_controller.targets import Targets
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.turns import Turns
from penstock_controller.webhook_outbox import WebhookOutbox
from penstock_controller.work_queue import WorkQueue
from penstock_controller.workload import names
from penstock_controller.workload.placement import Placement

_STORE_TIMEOUT = 5.0
_GATEWAY_TIMEOUT = 1.0
_GATEWAY_CONNECTIONS = httpx.Limits(max_connections=1000, max_keepalive_connections=200)
"""Passes ask all gateway pods at once: who waited for a connection would read as a pod that does not answer."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class _Clients:
    """Connections to what the adapters talk to."""

    api: client.ApiClient
    store: httpx.AsyncClient
    monitor: httpx.AsyncClient
    gateway: httpx.AsyncClient


@asynccontextmanager
async def operator(settings: ControllerSettings, metrics: CollectorRegistry) -> AsyncIterator[Operator]:
    """The whole controller on real adapters; they are closed at the end."""
    await _log_in()
    # Store, monitor and gateways are in the cluster: no proxy of the environment leads to them.
    async with (
        client.ApiClient() as api,
        httpx.AsyncClient(base_url=settings.store_url, timeout=_STORE_TIMEOUT, trust_env=False) as store_client,
        httpx.AsyncClient(base_url=settings.monitor_url, timeout=MONITOR_SECONDS, trust_env=False) as monitor_client,
        httpx.AsyncClient(timeout=_GATEWAY_TIMEOUT, limits=_GATEWAY_CONNECTIONS, trust_env=False) as gateway_client,
    ):
        api.user_agent = names.FIELD_MANAGER  # the field manager of every write that names none
        clients = _Clients(api=api, store=store_client, monitor=monitor_client, gateway=gateway_client)
        yield _assembled(settings, ControllerTelemetry(metrics), clients)


async def _log_in() -> None:
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config()
    else:
        await config.load_kube_config()


def _placement(settings: ControllerSettings) -> Placement:
    placement = Placement(
        image=settings.predictor_image,
        store_url=settings.store_url,
        monitor_url=settings.monitor_url,
        monitor_replicas=settings.replicas(),
        tracing_endpoint=settings.tracing_endpoint,
        feature_stores=settings.feature_stores,
        pull_policy=settings.predictor_pull_policy,
        drain_seconds=settings.drain_seconds,
    )
    template = settings.pod_template()
    return placement if template is None else replace(placement, template=template)


def _assembled(
    settings: ControllerSettings,
    telemetry: ControllerTelemetry,
    clients: _Clients,
) -> Operator:
    api = clients.api
    placement = _placement(settings)

    def monitor_url(key: ResourceKey) -> str:
        return placement.of_resource(key.namespace, key.name).monitor_url.rstrip("/")

    queue = WorkQueue(time.monotonic, workers=settings.workers)
    turns = Turns(settings.max_concurrent_rollouts, queue.add)
    live_aliases = LiveAliases(queue.add)
    queue.put_first(turns.is_on_trial)
    telemetry.queue_is(queue.waiting)
    apis = _registries(settings)
    telemetry.has_connections(apis)
    outbox = RegistryOutbox(MlflowRecorder(apis, telemetry), apis, telemetry, queue.add, cluster=settings.cluster_name)
    watch = RegistryWatch(MlflowRegistry(apis, telemetry), apis, queue.add, settings.poll_seconds)
    resources = KubernetesResources(api, settings.watch_namespace)
    workloads = KubernetesWorkloads(api, placement)
    headers = SecretHeaders(api)
    webhooks = WebhookOutbox(HttpPipelines(), headers, telemetry, queue.add, monitor_url=monitor_url)
    trainings = RetrainingJobs(KubernetesJobs(api, monitor_url), webhooks, telemetry, time.monotonic)
    executors = Executors(workloads=workloads, autoscalers=KubernetesAutoscalers(api), trainings=trainings)
    adapters = PassAdapters(
        resources=resources,
        workloads=workloads,
        effects=Effects(executors, telemetry, time.monotonic),
        traffic=GatewayAgents(api, clients.gateway, telemetry, namespace=settings.namespace, release=settings.release),
        trainings=trainings,
        announcer=KubernetesEvents(api, _now),
    )
    release = f"{settings.namespace}/{settings.release}"
    store = HttpModelStore(clients.store, keeper=f"{settings.cluster_name}/{release}")
    targets = Targets(store, placement)
    base = settings.gateway_url.rstrip("/")

    def url(key: ResourceKey) -> str:
        return f"{base}/{key.namespace}/{key.name}"

    monitor = HttpDriftMonitor(clients.monitor, base=monitor_url) if settings.monitor_url else None
    drift = _drift_watch(settings, monitor, queue)
    divergence = MonitorWatch(
        monitor.compare if monitor else None,
        queue.add,
        what="predictions are not compared",
        counts_as=DivergenceWish.counts_as,
    )
    quality = MonitorWatch(monitor.compare_quality if monitor else None, queue.add, what="quality is not compared")
    clock = SteadyClock(_now, time.monotonic)
    outside = HttpMeasurements(settings.outside(), settings.measurement_headers)
    measurements = MeasurementWatch(outside, headers, queue.add, now=clock)
    notifications = _notifications(settings, api, telemetry, queue)
    beside = BesidePasses(
        registry=watch,
        outbox=outbox,
        targets=targets,
        turns=turns,
        live_aliases=live_aliases,
        drift=drift,
        measurements=measurements,
        notifications=notifications,
        divergence=divergence,
        quality=quality,
    )
    observer = PassObserver(adapters, beside, clock=clock, url=url)
    reconciler = Reconciler(adapters, observer, telemetry, resync=settings.resync_seconds)
    only = settings.watch_namespace
    claims = KubernetesClaims(api, _now, release=release, binding=settings.role_binding, only_namespace=only)
    scope = Scope(
        claims,
        reconciler,
        telemetry,
        resources=resources,
        clock=time.monotonic,
        release=release,
        only=only,
    )
    return Operator(
        queue,
        scope,
        telemetry,
        call_roll=Roll(resources, turns.expect, live_aliases.expect).call,
        beside=(
            scope.claim,
            watch.run,
            outbox.run,
            drift.run,
            measurements.run,
            divergence.run,
            quality.run,
            webhooks.run,
            notifications.run,
            StoreKeeper(resources, store, interval=settings.store_keep_seconds).run,
        ),
        workers=settings.workers,
    )


def _registries(settings: ControllerSettings) -> dict[str, MlflowApi]:
    return {
        name: MlflowApi(RegistryConnection(name, connection.uri, settings.credentials))
        for name, connection in settings.connections().items()
    }


def _drift_watch(settings: ControllerSettings, monitor: HttpDriftMonitor | None, queue: WorkQueue) -> DriftWatch:
    base = settings.monitor_url.rstrip("/")

    def report_url(key: ResourceKey) -> str:
        return f"{base}/v1/reports/{key.namespace}/{key.name}"

    return DriftWatch(monitor, queue.add, report_url=report_url)


def _notifications(
    settings: ControllerSettings, api: client.ApiClient, telemetry: ControllerTelemetry, queue: WorkQueue
) -> NotificationOutbox:
    defaults = NotificationDefaults(
        receivers=settings.notify,
        namespace=settings.namespace,
        cluster=settings.cluster_name,
        pages=settings.monitor_pages.rstrip("/"),
    )
    return NotificationOutbox(HttpReceivers(), SecretAddresses(api), telemetry, queue.add, defaults)
