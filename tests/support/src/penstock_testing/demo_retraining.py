"""The second half of the demo: the world changes, drift is told, and a Job trains what is promoted after it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from penstock_testing.cluster import Object
from penstock_testing.demo_alerts import FIRES_AFTER, demo_alerts
from penstock_testing.demo_users import DemoUsers
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import Platform
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.stages import Stages
from penstock_testing.traffic_result import TrafficResult
from penstock_testing.truth import Truth

RATE = 200.0
_MINUTES = 60.0


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What was seen."""

    result: TrafficResult
    condition: Object
    """DriftDetected, when it was true."""
    alert: Object | None
    """Prometheus's, once it fired: labels, annotations, since; None: there was no Prometheus."""
    job: Object
    """Of status.retraining."""
    version: str
    """That the Job registered."""
    record: Object
    """Its decision record."""
    lineage: dict[str, str]
    """Tags of that version in the registry."""
    labels: dict[str, int]
    """What the drift monitor made of the labels, by outcome."""
    report: Path
    """Evidently's page, as the drift monitor made it of the drifted window."""


class DemoRetraining:
    """The stages, in order."""

    def __init__(
        self, platform: Platform, deployed: Deployed, registry: RegisteredModels, stages: Stages, folder: Path
    ) -> None:
        """`folder`: where files of the run are written."""
        self._platform, self._deployed, self._registry = platform, deployed, registry
        self._stages, self._folder = stages, folder

    def run(self, model: str, stable: str) -> Retrained:
        """From the first request of the changed world to the end of the drift. `stable`: the version that serves."""
        deployed = self._deployed
        users = DemoUsers(f"/{deployed.namespace}/{deployed.name}/predict", seed=5, drift=1.0, different=20_000)
        expectation = users.expectation({stable: self._downloaded(model, stable)})
        recording = self._folder / "drifted-traffic.bin"
        with (
            demo_alerts(self._platform, deployed.namespace, deployed.name, self._folder / "prometheus") as alerts,
            ThreadPoolExecutor(2) as beside,
            users.traffic(self._platform.gateway(), expectation, rate=RATE, recording=recording) as run,
        ):
            with self._stages.stage(f"The world changes, at {RATE:g} requests a second: drift is told"):
                condition = self._drift()
            self._stages.say(f"   DriftDetected: {condition['reason']}: {condition['message']}")
            report, fired = beside.submit(self._report), beside.submit(alerts.fired)
            truth = Truth(
                self._platform.monitor().url,
                deployed.namespace,
                deployed.name,
                recording=recording,
                labels=users.labels,
            )
            with truth:
                with self._stages.stage("The truth comes in (POST /v1/labels); a Job trains on it"):
                    job = self._trained()
                version = str(job["version"])
                alert = fired.result()
                if alert:
                    said = alert["annotations"]
                    name = f"{alert['labels']['alertname']} (after {FIRES_AFTER} here, minutes as installed)"
                    self._stages.say(f"   Alert {name}: {said['summary']} {said['report_url']}")
                self._stages.say(f"   Job {job['number']}: version {version}, the alias names it")
                with self._stages.stage(f"Version {version}: as any other, by steps and gates"):
                    record = deployed.wait_for_end(version, seconds=4 * _MINUTES)
                self._stages.say(f"   {record['completion']} ({record['reason']}): {record['message']}")
                with self._stages.stage("Its sample is of the changed world: the drift is over"):
                    deployed.wait_settled()
                    deployed.wait_until("the drift is over", lambda _: self._says("NoDrift"), seconds=2 * _MINUTES)
            expectation.learn(version, self._downloaded(model, version))
            result = run.result()
        self._stages.say(f"   {result.describe()}")
        return Retrained(
            result=result,
            condition=condition,
            alert=alert,
            job=job,
            version=version,
            record=record,
            lineage=self._registry.tags(model, version),
            labels=dict(truth.outcomes),
            report=report.result(),
        )

    def _drift(self) -> Object:
        self._deployed.wait_until("drift of the data set", lambda _: self._says("DatasetDrift"), seconds=2 * _MINUTES)
        return self._deployed.condition("DriftDetected")

    def _says(self, reason: str) -> bool:
        return bool(self._deployed.condition("DriftDetected").get("reason") == reason)

    def _trained(self) -> Object:
        """Wait for the Job's end; answers it. Raises TimeoutError with the status of a Job that brought nothing."""

        told: list[str] = []

        def ended(status: Object) -> bool:
            for condition in status.get("conditions", []):
                if condition["type"] == "Retraining" and condition["reason"] not in told[-1:]:
                    told.append(condition["reason"])
                    self._stages.show_change(f"Retraining: {condition['reason']}: {condition['message']}")
            return bool(((status.get("retraining") or {}).get("job") or {}).get("version"))

        status = self._deployed.wait_until("a Job that registered a version", ended, seconds=5 * _MINUTES)
        job: Object = status["retraining"]["job"]
        return job

    def _report(self) -> Path:
        deployed = self._deployed
        url = f"{self._platform.monitor().url}/v1/reports/{deployed.namespace}/{deployed.name}"
        path = self._folder / "drift-report.html"
        path.write_bytes(httpx.get(url, timeout=120, trust_env=False).raise_for_status().content)
        return path

    def _downloaded(self, model: str, version: str) -> Path:
        return self._registry.download(model, version, self._folder / f"version-{version}")
