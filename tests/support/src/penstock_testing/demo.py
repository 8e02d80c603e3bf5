"""`make demo`: a rollout that goes well and one that does not, under load, on a real cluster.

Version 1 serves; version 2 arrives and is promoted by steps; version 3 answers errors and is rolled back by itself.
Every answer is checked: it must be what onnxruntime computes for one of the versions. The facts are written to
`build/demo/summary.json`.
"""

import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from fraud_detection.data import instances, onnx_inputs, transactions
from penstock_testing import demo_cluster
from penstock_testing.broken_export import failing_above, try_out_on_smallest
from penstock_testing.cluster import Cluster, CommandError, Object
from penstock_testing.expectation import Expectation, Question
from penstock_testing.model_deployments import Deployed
from penstock_testing.plan import TrafficPlan
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, ROOT, Platform, namespace, wait_for
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.stages import Stages
from penstock_testing.timeline import Moment, Timeline
from penstock_testing.traffic import TrafficRun
from penstock_testing.traffic_result import TrafficResult

EXAMPLE = ROOT / "examples" / "fraud-detection"
BUILD = ROOT / "build" / "demo"
USERS = "payments"
MODEL = "fraud-detector"
SEEDS = (1, 2)
RATE = 100.0
SECONDS_BEFORE = 5.0
QUESTIONS = 200
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
    """What was seen of both rollouts."""

    result: TrafficResult
    timeline: Timeline
    records: tuple[Object, Object]
    last_of_old: float
    """Unix time at which the last gateway pod had stopped to send requests to version 1."""


class Demo:
    """The stages, in order."""

    def __init__(self, cluster: Cluster, stages: Stages) -> None:
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
        story = self.rollouts(registry, first, second, flaw)
        return self.conclude(story, (first, second), flaw)

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
        self.cluster.kubectl("apply", "-f", str(EXAMPLE / "model-deployment.yaml"))
        self.deployed.wait_ready()
        self.deployed.wait_for_version(first.version)
        self.deployed.wait_settled()
        self.stages.say(f"   {self.predict()}")

    def predict(self) -> Mapping[str, Any]:
        """One prediction, as a user asks for it."""
        url = f"{self.platform.gateway().url}/{USERS}/{MODEL}/predict"
        answer = httpx.post(url, json={"features": instances(1, seed=3)[0]}, timeout=10)
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    def expectation(self, registry: RegisteredModels, versions: tuple[str, ...], flaw: Flaw) -> Expectation:
        """What onnxruntime answers here for each version, from the registry's own bytes."""
        rows = instances(QUESTIONS, seed=4)
        frame = transactions(QUESTIONS, seed=4)
        path = f"/{USERS}/{MODEL}/predict"
        questions = [
            Question.predict(path, [row], onnx_inputs(frame.iloc[[number]])) for number, row in enumerate(rows)
        ]
        failing = {number for number, row in enumerate(rows) if row[COLUMN] > flaw.limit}
        self.stages.say(f"   version {flaw.version} fails on {len(failing)} of {QUESTIONS} different questions")
        models = {
            version: registry.download(MODEL, version, BUILD / f"version-{version}")
            for version in (*versions, flaw.version)
        }
        return Expectation.of_models(questions, models, silent={flaw.version: failing})

    def flawed(self, registry: RegisteredModels, second: Trained) -> Flaw:
        """Register version 3: version 2 with a flaw in its export. It answers its own input example right."""
        original = registry.download(MODEL, second.version, BUILD / f"version-{second.version}")
        limit = try_out_on_smallest(original.parent, COLUMN)
        version = registry.register(MODEL, failing_above(original, COLUMN, limit, factor=FACTOR))
        self.stages.say(f"   version {version}: version {second.version}, failing on every {COLUMN} above {limit:g}")
        return Flaw(version=version, limit=limit)

    def traffic(self, expectation: Expectation) -> TrafficRun:
        """Users, open loop: they do not wait for one another, and never ask twice."""
        gateway = self.platform.gateway()
        plan = TrafficPlan(
            host=gateway.host,
            port=gateway.port,
            requests=tuple(question.request for question in expectation.questions),
            rate=RATE,
            seconds=400,
            recording=BUILD / "traffic.bin",
        )
        return TrafficRun(plan, expectation)

    def rollouts(self, registry: RegisteredModels, first: Trained, second: Trained, flaw: Flaw) -> Story:
        """Both rollouts, in one run of traffic."""
        expectation = self.expectation(registry, (first.version, second.version), flaw)
        with self.traffic(expectation) as run, Timeline(self.deployed, tell=self._tell) as timeline:
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
        return Story(result=result, timeline=timeline, records=(good, bad), last_of_old=acknowledged_at)

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
        late = result.sent_after(story.last_of_old + GRACE, trained[0].version)
        summary = {
            "ok": False,
            "versions": [*(asdict(item) for item in trained), asdict(flaw)],
            "stable": status["stable"],
            "prediction": answer,
            "requests_sent": result.sent,
            "requests_failed": result.failed,
            "by_version": dict(result.by_version),
            "sent_to_old_version_after_acknowledgement": late,
            "decisions": list(story.records),
            "traffic": result.summary(),
            "timeline": [asdict(moment) for moment in story.timeline.moments],
            "history": status.get("history", []),
            "stages": [asdict(stage) for stage in self.stages.finished],
            "seconds": self.stages.seconds,
        }
        problems = _problems(story, status, answer, late)
        summary["ok"], summary["problems"] = not problems, problems
        return summary


def _problems(story: Story, status: Object, answer: Mapping[str, Any], late: int) -> list[str]:
    stable, result = status["stable"], story.result
    good, bad = story.records
    checks = {
        f"the traffic run proves nothing: {result.invalid}": result.valid,
        f"{result.failed} requests failed": result.failed == 0,
        f"{late} requests reached the old version after the acknowledgement": late == 0,
        f"the good version ended as {good['completion']}": good["completion"] == "Promoted",
        f"the bad version ended as {bad['completion']}": bad["completion"] == "RolledBack",
        f"prediction by version {answer['model_version']}, status.stable names {stable['version']}": (
            answer["model_version"] == stable["version"]
        ),
        f"prediction by digest {answer['digest']}, status.stable names {stable['digest']}": (
            answer["digest"] == stable["digest"]
        ),
    }
    return [problem for problem, passed in checks.items() if not passed]


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
            f"  {gateway}/                 try a prediction",
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
    path.write_text(json.dumps(summary, indent=1) + "\n")
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
