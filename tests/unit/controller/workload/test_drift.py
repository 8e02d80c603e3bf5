"""What counts as an edit of a live object, and what does not."""

from typing import Any

from penstock_controller.workload.drift import Edit, edits

DECLARED: dict[str, Any] = {
    "metadata": {"name": "m-1"},
    "spec": {"template": {"spec": {"containers": [{"name": "c", "cpu": "1000m", "quiet": False}]}}},
}
PART = (("spec", "template"),)


def live(container: dict[str, Any], *managers: tuple[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """`managers`: who has which fields of the container."""
    fields = [
        {
            "manager": who,
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': tree}}}}},
        }
        for who, tree in managers
    ]
    spec = {"containers": [container], **more}
    return {"metadata": {"name": "m-1", "managedFields": fields}, "spec": {"template": {"spec": spec}}}


OURS: tuple[str, dict[str, Any]] = ("penstock-controller", {".": {}, "f:name": {}, "f:cpu": {}})


def test_a_value_that_the_api_server_wrote_anew_is_no_edit() -> None:
    assert edits(DECLARED, live({"name": "c", "cpu": "1"}, OURS), PART) == ()


def test_a_value_that_another_manager_has_is() -> None:
    theirs: tuple[str, dict[str, Any]] = ("kubectl-edit", {"f:cpu": {}})
    ours: tuple[str, dict[str, Any]] = ("penstock-controller", {".": {}, "f:name": {}})
    (edit,) = edits(DECLARED, live({"name": "c", "cpu": "2"}, ours, theirs), PART)
    assert edit == Edit(field="spec.template.spec.containers[c].cpu", manager="kubectl-edit")


def test_a_value_that_is_gone_is() -> None:
    (edit,) = edits(DECLARED, live({"name": "c"}, ("penstock-controller", {".": {}, "f:name": {}})), PART)
    assert edit.field == "spec.template.spec.containers[c].cpu"


def test_the_same_value_that_another_manager_has_too_is_none() -> None:
    theirs: tuple[str, dict[str, Any]] = ("kubectl", {"f:cpu": {}})
    assert edits(DECLARED, live({"name": "c", "cpu": "1000m"}, OURS, theirs), PART) == ()


def test_what_another_manager_added_in_our_part_is_an_edit_and_what_a_policy_added_to_our_write_is_none() -> None:
    added = {"name": "c", "cpu": "1", "command": ["sh"]}
    theirs: tuple[str, dict[str, Any]] = ("kubectl-edit", {"f:command": {}})
    (edit,) = edits(DECLARED, live(added, OURS, theirs), PART)
    assert edit == Edit(field="spec.template.spec.containers[c].command", manager="kubectl-edit")
    by_policy: tuple[str, dict[str, Any]] = ("penstock-controller", {**OURS[1], "f:command": {}})
    assert edits(DECLARED, live(added, by_policy), PART) == ()


def test_defaults_that_a_restore_has_made_its_own_are_none() -> None:
    restored: tuple[str, dict[str, Any]] = (
        "velero-server",
        {".": {}, "f:name": {}, "f:cpu": {}, "f:terminationMessagePath": {}},
    )
    container = {"name": "c", "cpu": "1000m", "terminationMessagePath": "/dev/termination-log"}
    assert edits(DECLARED, live(container, restored), PART) == ()


def test_an_object_without_any_manager_is_compared_by_its_values() -> None:
    assert edits(DECLARED, live({"name": "c", "cpu": "1000m"}), PART) == ()
    assert edits(DECLARED, live({"name": "c", "cpu": "2"}), PART)
