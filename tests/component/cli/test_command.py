"""Commands that meet a resource which changes under them; the test writes what the controller would."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.command import Command, send
from penstock_cli.errors import AnnotationConflict, CliError
from penstock_cli.kubernetes_api import KubernetesApi
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_contracts.verbs import Verb
from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import PluginRig

SECONDS = 20.0


class InterruptedClient(ClusterClient):
    """Somebody else writes after each of the first readings."""

    def __init__(self, api: ApiClient, write: Callable[[int], None], times: int) -> None:
        super().__init__(KubernetesApi(api))
        self._write, self._times, self.read = write, times, 0

    def model_deployment(self, namespace: str, name: str) -> ModelDeploymentView:
        found = super().model_deployment(namespace, name)
        self.read += 1
        if self.read <= self._times:
            self._write(self.read)
        return found


def command(rig: PluginRig, verb: Verb) -> Command:
    return Command(namespace=rig.namespace, name=rig.name, verb=verb)


def at_step(rig: PluginRig, step: int) -> None:
    rig.write_status(candidate=rig.read()["status"]["candidate"] | {"step": step})


def test_an_annotation_on_an_old_reading_changes_nothing(client: ClusterClient, rig: PluginRig) -> None:
    resource = client.model_deployment(rig.namespace, rig.name)
    rig.write_status(message="another")
    with pytest.raises(AnnotationConflict):
        client.annotate(resource, "penstock.dev/abort", "12/5")
    assert "annotations" not in rig.read()["metadata"]


def test_a_command_is_written_again_where_only_the_message_changed(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = InterruptedClient(with_crd, lambda number: rig.write_status(message=f"reading {number}"), times=3)
    assert send(busy, command(rig, Verb.PROMOTE)).value == "12/5"
    assert busy.read == 4


def test_who_promotes_a_step_does_not_promote_the_next_one(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = InterruptedClient(with_crd, lambda _: at_step(rig, 6), times=1)
    with pytest.raises(CliError, match="moved on from attempt 12, step 5 to attempt 12, step 6"):
        send(busy, command(rig, Verb.PROMOTE))
    assert "annotations" not in rig.read()["metadata"]


def test_who_aborts_an_attempt_aborts_it_at_its_next_step_too(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = InterruptedClient(with_crd, lambda _: at_step(rig, 6), times=1)
    assert send(busy, command(rig, Verb.ABORT)).value == "12/6"


def test_a_resource_that_never_rests_is_given_up(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = InterruptedClient(with_crd, lambda number: rig.write_status(message=str(number)), times=1000)
    with pytest.raises(CliError, match="try again"):
        send(busy, command(rig, Verb.ABORT))


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def annotation_of(rig: PluginRig, verb: str) -> str | None:
    found: str | None = rig.read()["metadata"].get("annotations", {}).get(f"penstock.dev/{verb}")
    return found


def handle(rig: PluginRig, verb: str, results: dict[str, Any]) -> None:
    """As the controller does: remember the command, and what became of it."""
    until(lambda: annotation_of(rig, verb))
    rig.write_status(handledCommands={verb: annotation_of(rig, verb)}, commandResults=results)


def send_pause(plugin: Plugin, rig: PluginRig, results: dict[str, Any]) -> CompletedProcess[str]:
    """`pause`, with a controller that writes these results."""
    controller = threading.Thread(target=handle, args=(rig, "pause", results))
    controller.start()
    done = plugin.run("pause", rig.name, "-n", rig.namespace, "--timeout", "20")
    controller.join()
    return done


@pytest.mark.parametrize(
    ("outcome", "message", "code"),
    [
        ("Accepted", "pause 12/5 accepted in phase Progressing: stays at this step", 0),
        ("Denied", "pause 12/5 denied in phase Baking: it is promoted already", 1),
        ("Postponed", "till noon", 2),
    ],
)
def test_the_result_of_a_command_is_shown(
    plugin: Plugin, rig: PluginRig, outcome: str, message: str, code: int
) -> None:
    done = send_pause(plugin, rig, {"pause": {"outcome": outcome, "message": message}})
    assert done.returncode == code, done.stderr
    assert message in (done.stderr if code else done.stdout)


def test_a_result_that_the_status_does_not_have_is_not_made_up(plugin: Plugin, rig: PluginRig) -> None:
    done = send_pause(plugin, rig, {})
    assert done.returncode == 2
    assert "the status does not tell" in done.stderr


def test_who_may_read_no_events_is_told_of_a_denial(rig: PluginRig, admin: ApiClient, tmp_path: Path) -> None:
    steer = {"apiGroups": ["penstock.dev"], "resources": ["modeldeployments"], "verbs": ["get", "patch"]}
    person = tmp_path / "person.yaml"
    person.write_text(yaml.safe_dump(rig.person(admin.configuration.host, steer)))
    done = send_pause(Plugin(str(person)), rig, {"pause": {"outcome": "Denied", "message": "not now"}})
    assert (done.returncode, done.stderr.strip()) == (1, "penstock: not now")


def test_a_command_that_was_handled_before_is_cleared_and_sent_again(plugin: Plugin, rig: PluginRig) -> None:
    removed: list[str | None] = []

    def forget() -> None:
        until(lambda: annotation_of(rig, "pause") is None)
        removed.append(annotation_of(rig, "pause"))
        rig.write_status(handledCommands={})

    assert plugin.run("pause", rig.name, "-n", rig.namespace, "--no-wait").returncode == 0
    rig.write_status(handledCommands={"pause": "12/5"})
    controller = threading.Thread(target=forget)
    controller.start()
    again = plugin.run("pause", rig.name, "-n", rig.namespace, "--no-wait", "--timeout", "20")
    controller.join()
    assert again.returncode == 0, again.stderr
    assert removed == [None]
    assert annotation_of(rig, "pause") == "12/5"
