"""The workflow, the Makefile and the manifests speak of the same steps and the same things."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from penstock_testing.template_repository import EXAMPLE

WORKFLOW: dict[Any, Any] = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "ml-pipeline.yml").read_text())
(JOB,) = WORKFLOW["jobs"].values()
STEPS: list[dict[str, Any]] = JOB["steps"]
TARGETS = {
    "validate": "Validate the data",
    "train": "Train",
    "evaluate": "Evaluate",
    "test": "Test the model",
    "build": "Build the image",
    "push": "Push the image",
    "move-alias": "Move the alias",
    "wait": "Wait for the rollout",
}
"""Of the Makefile, with the workflow's step."""
SETTINGS = {name: f"${name}" for name in ("DATA", "MODEL", "IMAGE", "RESOURCE")}


def named(step: str) -> dict[str, Any]:
    (found,) = (each for each in STEPS if each["name"] == step)
    return found


def made(target: str) -> list[str]:
    """The commands of a target; what is installed and drawn before is left out."""
    given = [f"{name}={value.replace('$', '$$')}" for name, value in SETTINGS.items()]
    done = subprocess.run(
        ["make", "--dry-run", "--silent", "--old-file=install", *given, target],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line for line in done.stdout.splitlines() if line.startswith(("python ", "docker ")) and "pip" not in line]


@pytest.mark.parametrize("target", TARGETS)
def test_make_runs_what_the_workflow_runs(target: str) -> None:
    assert [line for line in made(target) if " -m fraud_detection data" not in line] == [named(TARGETS[target])["run"]]


def test_make_pipeline_takes_the_steps_in_the_workflows_order() -> None:
    order = [step["name"] for step in STEPS if step["name"] in TARGETS.values()]
    assert order == list(TARGETS.values())
    (prerequisites,) = re.findall(r"^pipeline: (.*?) *##", (EXAMPLE / "Makefile").read_text(), re.MULTILINE)
    assert prerequisites.split() == list(TARGETS)


def test_what_touches_a_registry_for_all_to_see_is_for_main_only() -> None:
    kept = STEPS.index(named("Keep the reports"))
    assert [step["if"] for step in STEPS[kept + 1 :]] == ["github.ref == 'refs/heads/main'"] * 5
    assert {step.get("if") for step in STEPS[:kept]} == {None}


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert [each for each in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each)] == []
    assert len(used) == 3


def test_no_script_holds_what_a_stranger_could_write() -> None:
    """Values come by the environment: put into a script, the name of a branch would be run."""
    assert [step["name"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_the_token_may_read_the_repository_and_push_packages_only() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read", "packages": "write"}


def test_the_alias_moves_that_the_resource_follows_and_its_outcome_is_waited_for() -> None:
    resource = yaml.safe_load((EXAMPLE / "model-deployment.yaml").read_text())
    metadata, registry = resource["metadata"], resource["spec"]["registry"]
    assert WORKFLOW["env"]["MODEL"] == f"${{{{ vars.MODEL || '{registry['model']}' }}}}"
    assert named("Move the alias")["run"] == f"python move_alias.py --alias {registry['alias']}"
    default = f"vars.RESOURCE || '{metadata['namespace']}/{metadata['name']}'"
    assert named("Wait for the rollout")["env"] == {"RESOURCE": f"${{{{ {default} }}}}"}


def test_waiting_ends_before_the_job_does() -> None:
    (minutes,) = re.findall(r"--minutes (\d+)", named("Wait for the rollout")["run"])
    assert int(minutes) < JOB["timeout-minutes"]
