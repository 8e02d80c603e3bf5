"""Each receiver's form of a notification, whole; and nothing that a name or a message says is read as markup there."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock_contracts.api.notify import NotificationReceiver, PendingNotification, ReceiverType, SecretReference
from penstock_contracts.base import evolve
from penstock_controller.messages.post import NotificationPost, notification_post
from penstock_controller.messages.subject import NotificationSubject

GOLDEN = Path(__file__).parents[3] / "data/notifications"
SUBJECT = NotificationSubject(
    namespace="payments",
    name="fraud-detector",
    uid="0b1c",
    model="fraud detector",
    cluster="eu-1",
    page="https://monitor.example/models/payments/fraud-detector",
)
ROLLED_BACK = PendingNotification(
    id="3/Ended/2026-03-01T03:00:00.000Z",
    event="Ended",
    severity="error",
    attempt=3,
    version="8",
    reason="GateFailed",
    message="attempt 3, version 8: error-rate: failed 6 of 10 (60 %), stable 0 of 120: worse by more than 2 %",
    completion="RolledBack",
    at="2026-03-01T03:00:00.000Z",
    to=("chat",),
)
HOSTILE = (
    "<!channel> <https://evil.example|click> @here *bold* [click](https://evil.example) & "
    "\n\nVersion: 9\r\n\u202egpj.exe"
)


def receiver(kind: ReceiverType, **given: str) -> NotificationReceiver:
    return NotificationReceiver(name="chat", type=kind, secret_ref=SecretReference(name="chat"), **given)


def sent(kind: ReceiverType, item: PendingNotification = ROLLED_BACK, subject: NotificationSubject = SUBJECT) -> Any:
    return json.loads(notification_post(subject, item, receiver(kind)).body)


def texts(node: Any) -> list[str]:
    """Every text in a message, keys left out."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts(value)]
    if isinstance(node, list):
        return [text for item in node for text in texts(item)]
    return [node] if isinstance(node, str) else []


@pytest.mark.parametrize("kind", ReceiverType)
def test_the_whole_message_is_as_its_receiver_documents_it(kind: ReceiverType) -> None:
    assert sent(kind) == json.loads((GOLDEN / f"{kind.value}.json").read_text())


def test_slack_is_told_channel_and_username_only_where_they_are_given() -> None:
    given = receiver(ReceiverType.SLACK, channel="#ml-rollouts", username="penstock")
    named = json.loads(notification_post(SUBJECT, ROLLED_BACK, given).body)
    assert (named["channel"], named["username"]) == ("#ml-rollouts", "penstock")
    assert {"channel", "username"}.isdisjoint(sent(ReceiverType.SLACK))


def test_slack_reads_no_mention_no_link_and_no_formatting() -> None:
    message = sent(ReceiverType.SLACK, evolve(ROLLED_BACK, message=HOSTILE))
    (attachment,) = message["attachments"]
    assert message["mrkdwn"] is False
    assert attachment["mrkdwn_in"] == []
    assert attachment["text"].startswith("&lt;!channel&gt; &lt;https://evil.example|click&gt; @\u200bhere *bold*")
    assert not [text for text in texts(message) if {"<", ">"} & set(text) or "@here" in text]


@pytest.mark.parametrize("kind", [ReceiverType.SLACK, ReceiverType.MSTEAMS])
def test_nothing_that_is_said_makes_a_line_of_its_own_or_turns_the_reading(kind: ReceiverType) -> None:
    item = evolve(ROLLED_BACK, message=HOSTILE, version="8\nReason: Promoted")
    found = texts(sent(kind, item))
    assert not [text for text in found if {"\n", "\r", "\u202e"} & set(text)]
    assert "8 Reason: Promoted" in found


def test_teams_gets_every_text_that_is_not_ours_as_a_text_run_which_has_no_markdown() -> None:
    card = sent(ReceiverType.MSTEAMS, evolve(ROLLED_BACK, message=HOSTILE))["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    said = [run["text"] for run in runs]
    assert any("[click](https://evil.example)" in text for text in said)


def test_a_generic_webhook_gets_the_words_as_they_are() -> None:
    assert sent(ReceiverType.WEBHOOK, evolve(ROLLED_BACK, message=HOSTILE))["message"] == HOSTILE


@pytest.mark.parametrize("kind", ReceiverType)
def test_without_page_and_cluster_there_is_neither_link_nor_empty_fact(kind: ReceiverType) -> None:
    bare = NotificationSubject(namespace="payments", name="fraud-detector", uid="0b1c", model="m")
    message = sent(kind, subject=bare)
    assert not [text for text in texts(message) if "monitor.example" in text or "eu-1" in text or "on :" in text]
    if kind is not ReceiverType.WEBHOOK:
        assert "Cluster" not in json.dumps(message)


@pytest.mark.parametrize(
    ("event", "completion", "severity", "headline"),
    [
        ("Started", "", "info", "payments/fraud-detector on eu-1: version 8 is on trial"),
        ("Waiting", "", "warn", "payments/fraud-detector on eu-1: version 8 waits for a person"),
        ("Refused", "", "error", "payments/fraud-detector on eu-1: version 8 is refused"),
        ("Ended", "Promoted", "info", "payments/fraud-detector on eu-1: version 8 is promoted"),
        ("Ended", "Sublimated", "info", "payments/fraud-detector on eu-1: version 8 Ended Sublimated"),
    ],
)
def test_each_event_has_its_headline_and_each_severity_its_colour(
    event: str, completion: str, severity: str, headline: str
) -> None:
    item = evolve(ROLLED_BACK, event=event, completion=completion, severity=severity)
    slack = sent(ReceiverType.SLACK, item)
    (run,) = sent(ReceiverType.MSTEAMS, item)["attachments"][0]["content"]["body"][0]["inlines"]
    assert (slack["text"], run["text"]) == (headline, headline)
    colours = {"info": ("good", "Good"), "warn": ("warning", "Warning"), "error": ("danger", "Attention")}
    assert (slack["attachments"][0]["color"], run["color"]) == colours[severity]


def test_each_try_has_the_same_key_and_each_receiver_its_own() -> None:
    def post(name: str) -> NotificationPost:
        chosen = evolve(receiver(ReceiverType.WEBHOOK), name=name)
        return notification_post(SUBJECT, ROLLED_BACK, chosen)

    assert post("a") == post("a")
    assert post("a").name == "0b1c/3/Ended/2026-03-01T03:00:00.000Z/a"
    assert post("a").name != post("b").name
