"""`make demo`: the whole way of a model under load, on a real cluster, with nobody at the keyboard.

Version 1 serves; version 2 arrives and is promoted by steps; version 3 answers errors and is rolled back by itself.
Then what users send changes: drift is told, a Job trains version 4 on what came, and it is promoted. Every answer is
checked: it must be what onnxruntime computes for one of the versions. The facts are written to
`build/demo/summary.json`, and the story with its pictures to `build/demo/story.html`.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from fraud_detection.data import instances
from penstock_testing import demo_cluster
from penstock_testing.broken_export import failing_above, try_out_on_smallest
from penstock_testing.cluster import CommandError, KubernetesCluster, Object
from penstock_testing.demo_page import StoryPage
from penstock_testing.demo_retraining import DemoRetraining, Retrained
from penstock_testing.demo_users import DemoUsers
from penstock_testing.model_deployments import Deployed
from penstock_testing.monitor_course import MonitorCourse
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, ROOT, Platform, namespace, wait_for
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.stages import Stages
from penstock_testing.timeline import Moment, Timeline
from penstock_testing.traffic_result import TrafficResult

# A bar for each download would stand between the lines of the story.
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

EXAMPLE = ROOT / "examples" / "fraud-detection"
BUILD = ROOT / "build" / "demo"
USERS = "payments"
MODEL = "fraud-detector"
SEEDS = (1, 2)
RATE = 100.0
SECONDS_BEFORE = 5.0
COLUMN = "amount"
FACTOR = 0.9
"""What sets version 3's answers apart from version 2's."""
GRACE = 0.1
"""Seconds after the last gateway pod's acknowledgement from which no request may reach the old version."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A version in the registry."""

    version: str
    auc_test: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A version that fails on every amount above the largest one in its own input example."""

    version: str
    limit: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was seen of all rollouts."""

    result: TrafficResult
    timeline: Timeline
    records: tuple[Object, Object]
    retrained: Retrained
    monitor: MonitorCourse
    last_of_old: float
    """Unix time at which the last gateway pod had stopped to send requests to version 1."""


class Demo:
    """The stages, in order."""

    def __init__(self, cluster: KubernetesCluster, stages: Stages) -> None:
        self.cluster = cluster
        self.platform = Platform(cluster)
        self.stages = stages
        self.deployed = Deployed(cluster, USERS, MODEL)
        self._words = ""

    def install(self) -> None:
        """What a platform engineer does once."""
        with self.stages.stage("MLflow: a real server in the cluster"):
            self.platform.install_mlflow()
            self.platform.wait_for_mlflow()
        with self.stages.stage("Penstock: helm install"):
            self.platform.install()

    def run(self) -> Object:
        """The whole story, on a cluster where Penstock and MLflow are; answers the summary."""
        BUILD.mkdir(parents=True, exist_ok=True)
        registry = RegisteredModels(self.platform.mlflow().url)
        with self.stages.stage("Training: two versions of fraud-detector, tracked and registered in MLflow"):
            first, second = self.train()
        with self.stages.stage(f"ModelDeployment: alias champion names version {first.version}"):
            self.deploy(registry, first)
            flaw = self.flawed(registry, second)
        with (
            Timeline(self.deployed, tell=self._tell) as timeline,
            MonitorCourse(self.platform.monitor().url, USERS, MODEL) as monitor,
        ):
            result, records, last_of_old = self.rollouts(registry, first, second, flaw)
            retrained = DemoRetraining(self.platform, self.deployed, registry, self.stages, BUILD).run(
                MODEL, second.version
            )
        story = Story(
            result=result,
            timeline=timeline,
            records=records,
            retrained=retrained,
            monitor=monitor,
            last_of_old=last_of_old,
        )
        summary = self.conclude(story, (first, second), flaw)
        (BUILD / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
        (BUILD / "story.html").write_text(StoryPage(summary).render())
        return summary

    def train(self) -> tuple[Trained, Trained]:
        """Both versions by Jobs in the cluster; those that an earlier demo trained are found."""
        self.cluster.apply(namespace(USERS))
        for seed in SEEDS:
            self.cluster.apply(*self._job(seed))
        # Both Jobs run at once: which of them registers first is chance.
        first, second = sorted((self._outcome(seed) for seed in SEEDS), key=lambda trained: int(trained.version))
        for trained in (first, second):
            self.stages.say(f"   version {trained.version}: test AUC {trained.auc_test:.3f} (seed {trained.seed})")
        return first, second

    def _job(self, seed: int) -> list[Object]:
        objects = self.platform.manifests(EXAMPLE / "train-job.yaml")
        for item in objects:
            item["metadata"]["name"] = _job_name(seed)
            item["spec"].pop("ttlSecondsAfterFinished", None)
            item["spec"]["template"]["spec"]["containers"][0]["args"] = ["train", f"--seed={seed}"]
        return [item for item in objects if self.cluster.get("job", _job_name(seed), USERS) is None]

    def _outcome(self, seed: int) -> Trained:
        name = _job_name(seed)

        def ended() -> bool | None:
            job = self.cluster.get("job", name, USERS) or {}
            kinds = {item["type"] for item in job.get("status", {}).get("conditions", []) if item["status"] == "True"}
            return "Complete" in kinds if kinds & {"Complete", "Failed"} else None

        complete = wait_for(f"Job {name}", ended, seconds=900, pause=1.0)
        log = self.cluster.kubectl("logs", f"job/{name}", "-n", USERS)
        if not complete:
            raise CommandError(f"Job {name} failed:\n{log}")
        facts = json.loads(log.strip().splitlines()[-1])
        return Trained(version=str(facts["version"]), auc_test=float(facts["auc_test"]), seed=seed)

    def deploy(self, registry: RegisteredModels, first: Trained) -> None:
        """What the data scientist and the platform engineer do."""
        registry.move(MODEL, first.version)
        # An earlier demo left version 2 as stable: from there, version 1 would have to prove itself without requests.
        self.cluster.kubectl("delete", "modeldeployment", MODEL, "-n", USERS, "--ignore-not-found", "--timeout=60s")
        self.cluster.apply(self.resource())
        self.deployed.wait_ready()
        self.deployed.wait_for_version(first.version)
        self.deployed.wait_settled()
        self.stages.say(f"   {self.predict()}")

    def resource(self) -> Object:
        """The example that is trained anew, by the steps of the one that is not, and judged within seconds."""
        (retrained,), (plain,) = (
            self.platform.manifests(EXAMPLE / name) for name in ("retraining-deployment.yaml", "model-deployment.yaml")
        )
        drift = retrained["spec"]["drift"] | {"period": "0s", "interval": "2s"}
        spec = retrained["spec"] | {part: plain["spec"][part] for part in ("strategy", "analysis", "bake")}
        return {**retrained, "spec": {**spec, "drift": drift}}

    def predict(self) -> Mapping[str, Any]:
        """One prediction, as a user asks for it."""
        url = f"{self.platform.gateway().url}/{USERS}/{MODEL}/predict"
        answer = httpx.post(url, json={"features": instances(1, seed=3)[0]}, timeout=10)
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    def flawed(self, registry: RegisteredModels, second: Trained) -> Flaw:
        """Register version 3: version 2 with a flaw in its export. It answers its own input example right."""
        original = registry.download(MODEL, second.version, BUILD / f"version-{second.version}")
        limit = try_out_on_smallest(original.parent, COLUMN)
        version = registry.register(MODEL, failing_above(original, COLUMN, limit, factor=FACTOR))
        self.stages.say(f"   version {version}: version {second.version}, failing on every {COLUMN} above {limit:g}")
        return Flaw(version=version, limit=limit)

    def rollouts(
        self, registry: RegisteredModels, first: Trained, second: Trained, flaw: Flaw
    ) -> tuple[TrafficResult, tuple[Object, Object], float]:
        """Both rollouts, in one run of traffic."""
        users = DemoUsers(f"/{USERS}/{MODEL}/predict", seed=4, drift=0.0, different=10_000)
        failing = set(users.frame.reset_index().index[users.frame[COLUMN] > flaw.limit])
        self.stages.say(f"   version {flaw.version} fails on {len(failing)} of {len(users.questions)} questions")
        models = {
            version: registry.download(MODEL, version, BUILD / f"version-{version}")
            for version in (first.version, second.version, flaw.version)
        }
        expectation = users.expectation(models, silent={flaw.version: failing})
        recording = BUILD / "traffic.bin"
        with users.traffic(self.platform.gateway(), expectation, rate=RATE, recording=recording) as run:
            with self.stages.stage(f"Version {first.version} serves {RATE:g} requests a second"):
                time.sleep(SECONDS_BEFORE)
            good = self.rollout(registry, second.version, "it is as good as stable: promoted by steps")
            acknowledged_at = max(pod.applied_at for pod in self.platform.acknowledged(USERS, MODEL))
            self.deployed.wait_settled()
            run.mark(f"version {second.version} promoted")
            bad = self.rollout(registry, flaw.version, "it answers errors: rolled back by itself")
            self.deployed.wait_settled()
            result = run.result()
        self.stages.say(f"   {result.describe()}")
        return result, (good, bad), acknowledged_at

    def rollout(self, registry: RegisteredModels, version: str, what: str) -> Object:
        """Move the alias and wait for the end of the attempt; answers its decision record."""
        with self.stages.stage(f"Alias champion moves to version {version}: {what}"):
            registry.move(MODEL, version)
            record = self.deployed.wait_for_end(version, seconds=240)
        self.stages.say(f"   {record['completion']} ({record['reason']}): {record['message']}")
        return record

    def _tell(self, moment: Moment) -> None:
        """Tell each change of words; numbers move every second."""
        words = re.sub("[0-9]", "", moment.message)
        if words == self._words:
            return
        self._words = words
        share = f"{moment.weight:3d} %" if moment.candidate else "  -  "
        self.stages.show_change(f"{moment.phase:<12} {share}  {moment.message}")

    def conclude(self, story: Story, trained: tuple[Trained, Trained], flaw: Flaw) -> Object:
        """Hold what was seen against what is claimed."""
        result, status, answer = story.result, self.deployed.status(), self.predict()
        retrained, later = story.retrained, story.retrained.result
        late = result.sent_after(story.last_of_old + GRACE, trained[0].version)
        summary = {
            "ok": False,
            "versions": [*(asdict(item) for item in trained), asdict(flaw)],
            "stable": status["stable"],
            "prediction": answer,
            "requests_sent": result.sent + later.sent,
            "requests_failed": result.failed + later.failed,
            "by_version": dict(Counter(result.by_version) + Counter(later.by_version)),
            "sent_to_old_version_after_acknowledgement": late,
            "decisions": [*story.records, retrained.record],
            "traffic": [result.summary(), later.summary()],
            "drift": retrained.condition,
            "alert": retrained.alert,
            "retraining": {
                "job": retrained.job,
                "version": retrained.version,
                "lineage": retrained.lineage,
                "labels": retrained.labels,
                "report": retrained.report.name,
            },
            "monitor": [asdict(sample) for sample in story.monitor.samples],
            "timeline": [asdict(moment) for moment in story.timeline.moments],
            "history": status.get("history", []),
            "stages": [asdict(stage) for stage in self.stages.finished],
            "seconds": self.stages.seconds,
        }
        problems = _problems(story, status, answer, late)
        summary["ok"], summary["problems"] = not problems, problems
        return summary


def _problems(story: Story, status: Object, answer: Mapping[str, Any], late: int) -> list[str]:
    stable, (good, bad), retrained = status["stable"], story.records, story.retrained
    checks = {}
    for result in (story.result, retrained.result):
        checks[f"the traffic run proves nothing: {result.invalid}"] = result.valid
        checks[f"{result.failed} requests failed: {dict(result.failed_by_reason)}"] = result.failed == 0
    early = {sample.reason for sample in story.monitor.samples if sample.at < _begun(retrained.result)}
    checks |= {
        f"drift was told before the world changed: {early}": not early & {"DatasetDrift", "ColumnDrift"},
        f"{late} requests reached the old version after the acknowledgement": late == 0,
        f"the good version ended as {good['completion']}": good["completion"] == "Promoted",
        f"the bad version ended as {bad['completion']}": bad["completion"] == "RolledBack",
        f"the retrained version ended as {retrained.record['completion']}": retrained.record["completion"]
        == "Promoted",
        f"status.stable names {stable['version']}, the Job registered {retrained.version}": (
            stable["version"] == retrained.version
        ),
        f"prediction by version {answer['model_version']}, status.stable names {stable['version']}": (
            answer["model_version"] == stable["version"]
        ),
        f"prediction by digest {answer['digest']}, status.stable names {stable['digest']}": (
            answer["digest"] == stable["digest"]
        ),
    }
    return [problem for problem, passed in checks.items() if not passed]


def _begun(result: TrafficResult) -> float:
    """Unix time; 0: it never did."""
    return result.started.unix if result.started else 0.0


def _job_name(seed: int) -> str:
    return f"train-fraud-detector-seed-{seed}"


def _look_further(platform: Platform) -> str:
    """What a person can open and run now, and how it ends."""
    cluster, gateway = platform.cluster, f"{platform.gateway().url}/{USERS}/{MODEL}"
    kubectl = (
        f"tests/cluster/cluster kubectl {cluster.name} --" if cluster.name else f"kubectl --context {cluster.context}"
    )
    plugin = f"--kubeconfig {cluster.kubeconfig}" if cluster.kubeconfig else f"--context {cluster.context}"
    question = json.dumps({"features": instances(1, seed=3)[0]})
    return "\n".join(
        [
            "Open in a browser:",
            f"  {BUILD.relative_to(ROOT)}/story.html   what happened, with its pictures",
            f"  {gateway}/                 try a prediction",
            f"  {platform.monitor().url}/   every model: versions, drift, quality, records",
            f"  {platform.monitor().url}/v1/reports/{USERS}/{MODEL}   Evidently's report of what users send now",
            f"  {platform.mlflow().url}/   the registry: versions, aliases, and how each attempt ended",
            "See a rollout live, and steer it:",
            f"  .venv/bin/kubectl-penstock status {MODEL} -n {USERS} {plugin} --watch",
            "Look further:",
            f"  {kubectl} get modeldeployments -A",
            f"  {kubectl} describe modeldeployment {MODEL} -n {USERS}",
            f"  {kubectl} logs -n {NAMESPACE} deployment/penstock-controller",
            f"  curl -s {gateway}/v2/models/{MODEL}",
            f"  curl -s {gateway}/predict -H 'content-type: application/json' -d '{question}'",
            "Again: make demo. Stop: make down",
        ]
    )


def up() -> int:
    """`make demo`."""
    stages = Stages()
    stages.say(
        f"This takes {demo_cluster.estimate()}. What building prints goes to {demo_cluster.LOG.relative_to(ROOT)}"
    )
    with stages.stage("Cluster and images"):
        cluster = demo_cluster.start(stages.show)
    demo = Demo(cluster, stages)
    demo.install()
    summary = demo.run()
    path = BUILD / "summary.json"
    demo_cluster.keep(cluster)
    stable, answer = summary["stable"], summary["prediction"]
    print(f"\nPrediction: {answer['prediction']}, probability of each class: {answer['probability']}")
    print(f"  by version {answer['model_version']}, {answer['digest']}")
    print(f"  status.stable: version {stable['version']}, {stable['digest']}")
    print(f"Requests: {summary['requests_sent']} sent, {summary['requests_failed']} failed, {summary['by_version']}")
    print(f"Time: {summary['seconds']:g} s. All facts: {path.relative_to(ROOT)}\n")
    print(_look_further(demo.platform))
    for problem in summary["problems"]:
        print(f"PROBLEM: {problem}", file=sys.stderr)
    return 0 if summary["ok"] else 1


def down() -> int:
    """`make down`: our own cluster ends; from a named one everything of the demo is removed."""
    try:
        cluster = demo_cluster.find()
    except Exception:  # noqa: BLE001 - no cluster, or one that does not answer: `stop` says so
        demo_cluster.stop()
        return 0
    if cluster.name:
        demo_cluster.stop()
        return 0
    for name in (USERS, MLFLOW_NAMESPACE):
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=120s", seconds=130)
    cluster.helm("uninstall", "penstock", "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s", seconds=130)
    return 0


def main() -> int:
    """Start, or with `down` stop."""
    return down() if Path(sys.argv[-1]).name == "down" else up()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; a cluster that it started is gone with it")
