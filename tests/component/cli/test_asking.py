"""Words that meet a resource which changes under them; the test writes what the controller would."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from penstock_cli.asking import Wish, ask
from penstock_cli.cluster import Cluster
from penstock_cli.connection import Connection, Object
from penstock_cli.errors import Conflict, Trouble
from penstock_contracts.verbs import Verb
from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import PluginRig

SECONDS = 20.0


class Interrupted(Cluster):
    """Somebody else writes after each of the first readings."""

    def __init__(self, api: ApiClient, write: Callable[[int], None], times: int) -> None:
        super().__init__(Connection(api))
        self._write, self._times, self.read = write, times, 0

    def resource(self, namespace: str, name: str) -> Object:
        found = super().resource(namespace, name)
        self.read += 1
        if self.read <= self._times:
            self._write(self.read)
        return found


def wish(rig: PluginRig, verb: Verb) -> Wish:
    return Wish(namespace=rig.namespace, name=rig.name, verb=verb)


def at_step(rig: PluginRig, step: int) -> None:
    rig.write_status(candidate=rig.read()["status"]["candidate"] | {"step": step})


def test_an_annotation_on_an_old_reading_is_a_conflict_and_changes_nothing(cluster: Cluster, rig: PluginRig) -> None:
    resource = cluster.resource(rig.namespace, rig.name)
    rig.write_status(message="another")
    with pytest.raises(Conflict):
        cluster.annotate(resource, "penstock.dev/abort", "12/5")
    assert "annotations" not in rig.read()["metadata"]


def test_a_word_is_said_again_where_only_the_message_changed(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = Interrupted(with_crd, lambda number: rig.write_status(message=f"reading {number}"), times=3)
    assert ask(busy, wish(rig, Verb.PROMOTE)).word == "12/5"
    assert busy.read == 4


def test_who_promotes_a_step_does_not_promote_the_next_one(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = Interrupted(with_crd, lambda _: at_step(rig, 6), times=1)
    with pytest.raises(Trouble, match="moved on from attempt 12, step 5 to attempt 12, step 6"):
        ask(busy, wish(rig, Verb.PROMOTE))
    assert "annotations" not in rig.read()["metadata"]


def test_who_aborts_an_attempt_aborts_it_at_its_next_step_too(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = Interrupted(with_crd, lambda _: at_step(rig, 6), times=1)
    assert ask(busy, wish(rig, Verb.ABORT)).word == "12/6"


def test_a_resource_that_never_rests_is_given_up(with_crd: ApiClient, rig: PluginRig) -> None:
    busy = Interrupted(with_crd, lambda number: rig.write_status(message=str(number)), times=1000)
    with pytest.raises(Trouble, match="say it again"):
        ask(busy, wish(rig, Verb.ABORT))


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def annotation_of(rig: PluginRig, verb: str) -> str | None:
    found: str | None = rig.read()["metadata"].get("annotations", {}).get(f"penstock.dev/{verb}")
    return found


def hears(rig: PluginRig, verb: str, answers: dict[str, Any]) -> None:
    """As the controller does: remember the word, and what became of it."""
    until(lambda: annotation_of(rig, verb))
    rig.write_status(handledCommands={verb: annotation_of(rig, verb)}, commandResults=answers)


def said_pause(plugin: Plugin, rig: PluginRig, answers: dict[str, Any]) -> CompletedProcess[str]:
    """`pause`, with a controller that answers so."""
    controller = threading.Thread(target=hears, args=(rig, "pause", answers))
    controller.start()
    said = plugin.run("pause", rig.name, "-n", rig.namespace, "--timeout", "20")
    controller.join()
    return said


@pytest.mark.parametrize(
    ("outcome", "message", "code"),
    [
        ("Accepted", "pause 12/5 accepted in phase Progressing: stays at this step", 0),
        ("Denied", "pause 12/5 denied in phase Baking: it is promoted already", 1),
        ("Postponed", "till noon", 2),
    ],
)
def test_what_the_controller_made_of_a_word_is_told(
    plugin: Plugin, rig: PluginRig, outcome: str, message: str, code: int
) -> None:
    said = said_pause(plugin, rig, {"pause": {"outcome": outcome, "message": message}})
    assert said.returncode == code, said.stderr
    assert message in (said.stderr if code else said.stdout)


def test_what_an_older_controller_made_of_a_word_is_not_made_up(plugin: Plugin, rig: PluginRig) -> None:
    said = said_pause(plugin, rig, {})
    assert said.returncode == 2
    assert "the status does not tell" in said.stderr


def test_who_may_read_no_events_is_told_of_a_refusal(rig: PluginRig, admin: ApiClient, tmp_path: Path) -> None:
    steer = {"apiGroups": ["penstock.dev"], "resources": ["modeldeployments"], "verbs": ["get", "patch"]}
    person = tmp_path / "person.yaml"
    person.write_text(yaml.safe_dump(rig.person(admin.configuration.host, steer)))
    said = said_pause(Plugin(str(person)), rig, {"pause": {"outcome": "Denied", "message": "not now"}})
    assert (said.returncode, said.stderr.strip()) == (1, "penstock: not now")


def test_what_was_heard_before_is_taken_back_and_said_again(plugin: Plugin, rig: PluginRig) -> None:
    said: list[str | None] = []

    def forgets() -> None:
        until(lambda: annotation_of(rig, "pause") is None)
        said.append(annotation_of(rig, "pause"))
        rig.write_status(handledCommands={})

    assert plugin.run("pause", rig.name, "-n", rig.namespace, "--no-wait").returncode == 0
    rig.write_status(handledCommands={"pause": "12/5"})
    controller = threading.Thread(target=forgets)
    controller.start()
    again = plugin.run("pause", rig.name, "-n", rig.namespace, "--no-wait", "--timeout", "20")
    controller.join()
    assert again.returncode == 0, again.stderr
    assert said == [None]
    assert annotation_of(rig, "pause") == "12/5"
