"""The installed command against a real API server."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import PluginRig

READ_ONE = {"apiGroups": ["penstock.dev"], "resources": ["modeldeployments"], "verbs": ["get", "list", "watch"]}


def test_get_lists_the_resources_of_a_namespace_and_of_all(plugin: Plugin, rig: PluginRig) -> None:
    here = plugin.run("get", "-n", rig.namespace).stdout
    assert here.splitlines()[1].split() == ["fraud-detector", "True", "7", "8", "25", "%", "6/8", "Progressing"]
    assert rig.namespace in plugin.run("get", "-A").stdout


def test_options_may_stand_before_the_command_too(plugin: Plugin, rig: PluginRig) -> None:
    assert "fraud-detector" in plugin.run("-n", rig.namespace, "get").stdout


def test_status_shows_versions_gates_and_events(plugin: Plugin, rig: PluginRig) -> None:
    shown = plugin.run("status", rig.name, "-n", rig.namespace)
    assert shown.returncode == 0, shown.stderr
    for part in ("Progressing", "75 %", "25 %", "0/0 ready", "1 of 612", "RolloutStarted", "RegistryReachable"):
        assert part in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_the_course_of_the_attempt_is_drawn_in_a_pipe_and_without_colour(plugin: Plugin, rig: PluginRig) -> None:
    shown = plugin.run("status", rig.name, "-n", rig.namespace).stdout
    assert "\x1b" not in shown
    lines = [line.rstrip() for line in shown[shown.index("COURSE") :].splitlines()]
    assert lines[1] == "  attempt 12, 16 s a column; █ at the limit"
    assert any(line.startswith("    odds of no harm ") and line.endswith("7.3, pass at 20") for line in lines)


def test_status_as_json_is_the_view(plugin: Plugin, rig: PluginRig) -> None:
    found = json.loads(plugin.run("status", rig.name, "-n", rig.namespace, "-o", "json").stdout)
    assert (found["phase"], found["attempt"]) == ("Progressing", 12)
    assert [(each["role"], each["weight"]) for each in found["revisions"]] == [("stable", 75), ("candidate", 25)]


def test_history_and_diff_tell_how_attempts_ended(plugin: Plugin, rig: PluginRig) -> None:
    assert "RolledBack" in plugin.run("history", rig.name, "-n", rig.namespace).stdout
    told = plugin.run("diff", rig.name, "10", "11", "-n", rig.namespace)
    assert "  -reason: GateFailed" in told.stdout.splitlines(), told.stderr
    assert "no Deployment of the resource is left" in told.stdout


def test_a_verb_is_the_annotation_that_the_printed_line_writes(plugin: Plugin, rig: PluginRig) -> None:
    said = plugin.run("abort", rig.name, "-n", rig.namespace, "--no-wait")
    assert said.returncode == 0, said.stderr
    line = f"kubectl -n {rig.namespace} annotate mdep fraud-detector --overwrite penstock.dev/abort=12/5"
    assert f"the same: {line}" in said.stdout.splitlines()
    assert rig.read()["metadata"]["annotations"] == {"penstock.dev/abort": "12/5"}


@pytest.mark.parametrize(
    ("words", "annotation", "value"),
    [
        (("promote",), "promote", "12/5"),
        (("promote", "--full"), "promote-full", "12/5"),
        (("retry",), "retry", "12/5"),
        (("pause",), "pause", "12/5"),
        (("resume",), "resume", "12/5"),
        (("undo",), "undo", "12/5"),
        (("undo", "--to-version", "6"), "undo", "12/5/6"),
    ],
)
def test_each_verb_has_its_annotation(
    plugin: Plugin, rig: PluginRig, words: tuple[str, ...], annotation: str, value: str
) -> None:
    verb, *options = words
    assert plugin.run(verb, rig.name, *options, "-n", rig.namespace, "--no-wait").returncode == 0
    assert rig.read()["metadata"]["annotations"] == {f"penstock.dev/{annotation}": value}


def test_where_nothing_is_on_trial_a_command_names_the_last_attempt(plugin: Plugin, rig: PluginRig) -> None:
    rig.write_status(candidate=None, phase="Healthy")
    assert plugin.run("retry", rig.name, "-n", rig.namespace, "--no-wait").returncode == 0
    assert rig.read()["metadata"]["annotations"] == {"penstock.dev/retry": "12/0"}


def test_a_command_that_nobody_handles_in_time_is_exit_2(plugin: Plugin, rig: PluginRig) -> None:
    said = plugin.run("pause", rig.name, "-n", rig.namespace, "--timeout", "0.2")
    assert said.returncode == 2
    assert "the controller may be away" in said.stderr


def test_a_resource_that_does_not_exist_is_named(plugin: Plugin, rig: PluginRig) -> None:
    for words in (("status", "other"), ("status", "other", "--watch"), ("abort", "other"), ("history", "other")):
        said = plugin.run(*words, "-n", rig.namespace)
        assert said.returncode == 1
        assert f"{rig.namespace}/other" in said.stderr
        assert "Traceback" not in said.stderr


def kubeconfig(folder: Path, content: dict[str, Any]) -> str:
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return str(file)


def test_who_may_only_read_is_told_which_right_a_verb_takes_and_no_token_is_shown(
    rig: PluginRig, admin: ApiClient, tmp_path: Path
) -> None:
    person = rig.person(admin.configuration.host, READ_ONE)
    plugin = Plugin(kubeconfig(tmp_path, person))
    said = plugin.run("abort", rig.name)  # the namespace is the context's
    assert said.returncode == 1
    assert 'cannot patch resource "modeldeployments" in API group "penstock.dev"' in said.stderr
    shown = plugin.run("status", rig.name)
    assert shown.returncode == 0
    assert 'cannot list resource "pods"' in shown.stdout.replace("\n", " ")
    everything = said.stdout + said.stderr + shown.stdout + shown.stderr
    assert person["users"][0]["user"]["token"] not in everything


def test_who_has_no_right_at_all_is_told_so(rig: PluginRig, admin: ApiClient, tmp_path: Path) -> None:
    plugin = Plugin(kubeconfig(tmp_path, rig.person(admin.configuration.host)))
    for words in (("get",), ("get", "-A"), ("status", rig.name), ("status", rig.name, "--watch")):
        said = plugin.run(*words)
        assert said.returncode == 1
        assert "you lack a right" in said.stderr


def test_unknown_credentials_are_said_and_not_shown(rig: PluginRig, admin: ApiClient, tmp_path: Path) -> None:
    person = rig.person(admin.configuration.host)
    person["users"][0]["user"]["token"] = "a-token-that-nobody-gave"  # noqa: S105 - none
    said = Plugin(kubeconfig(tmp_path, person)).run("get")
    assert said.returncode == 1
    assert "renew the credentials" in said.stderr
    assert "a-token-that-nobody-gave" not in said.stderr


def test_a_cluster_that_does_not_answer_is_named(rig: PluginRig, tmp_path: Path) -> None:
    person = rig.person("https://127.0.0.1:9")
    said = Plugin(kubeconfig(tmp_path, person)).run("get")
    assert said.returncode == 1
    assert "https://127.0.0.1:9 does not answer" in said.stderr


def test_without_a_kubeconfig_the_options_are_named(tmp_path: Path) -> None:
    said = Plugin(str(tmp_path / "none")).run("get")
    assert said.returncode == 1
    assert "--kubeconfig" in said.stderr


def test_an_unknown_context_is_named(plugin: Plugin) -> None:
    said = plugin.run("get", "--context", "nowhere")
    assert said.returncode == 1
    assert "nowhere" in said.stderr
