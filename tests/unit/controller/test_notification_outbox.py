"""Notifications beside the passes: each receiver is told in order and once, and none is in another's way."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.api.notify import NotificationReceiver, NotificationState, PendingNotification
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_controller.errors import ClusterAway, Rejected, WebhookAway, WebhookRefused
from penstock_controller.notification_outbox import NotificationDefaults
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.notification_view import NotificationDelivery
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.rollout_world import spec
from penstock_testing.scripted_receivers import ScriptedReceivers, notification_outbox

STARTED = PendingNotification(
    id="3/Started/t1",
    event="Started",
    severity="info",
    attempt=3,
    version="8",
    reason="RolloutStarted",
    message="version 8 starts",
    at="2026-03-01T03:00:00.000Z",
    to=("chat",),
)
ENDED = evolve(STARTED, id="3/Ended/t2", event="Ended", completion="Promoted", at="2026-03-01T04:00:00.000Z")


def receiver(name: str, secret: str = "") -> dict[str, Any]:
    return {"name": name, "type": "webhook", "secretRef": {"name": secret or name}}


def resource(
    *pending: PendingNotification, name: str = "m", notify: tuple[str, ...] | None = ("chat",), at: str = ""
) -> ModelDeployment:
    """Of a spec that names these receivers, each with a Secret of its own name."""
    given = {} if notify is None else {"notify": [receiver(each, at) for each in notify]}
    state = NotificationState(pending=pending) if pending else None
    return ModelDeployment(
        key=ResourceKey("ns", name),
        generation=1,
        spec=spec(**given),
        status=ModelDeploymentStatus(notifications=state),
        raw={"metadata": {"namespace": "ns", "name": name, "uid": "u"}},
    )


class Rig:
    """An outbox that works for as long as nothing is waited for."""

    def __init__(self, **answers: list[Exception]) -> None:
        self.scripted = ScriptedReceivers(answers=answers)
        self.woken: list[ResourceKey] = []
        self.now = 0.0
        self.metrics = CollectorRegistry()
        defaults = NotificationDefaults(
            receivers=(NotificationReceiver.model_validate(receiver("ops")),),
            namespace="penstock",
            cluster="eu-1",
            pages="https://monitor.example",
        )
        self.outbox = notification_outbox(
            self.scripted,
            ControllerTelemetry(self.metrics),
            self.woken.append,
            defaults=defaults,
            clock=lambda: self.now,
        )

    async def work(self, after: float = 0.0) -> None:
        self.now += after
        task = asyncio.ensure_future(self.outbox.run())
        for _ in range(200):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def told(self, *offered: ModelDeployment, after: float = 0.0) -> None:
        for each in offered:
            self.outbox.offer(each)
        await self.work(after)

    def answers(self, offered: ModelDeployment) -> dict[str, NotificationDelivery]:
        return {answer.id: answer.delivery for answer in self.outbox.offer(offered).answers}

    def count(self, outcome: str) -> float:
        labels = {"namespace": "ns", "name": "m", "outcome": outcome}
        return self.metrics.get_sample_value("penstock_controller_notifications_total", labels) or 0.0


async def test_what_each_pass_offers_is_delivered_once_in_order_and_told_to_the_passes() -> None:
    rig, offered = Rig(), resource(STARTED, ENDED)
    for _ in range(3):
        await rig.told(offered, after=60)
    assert [body["event"] for body in rig.scripted.bodies("chat")] == ["Started", "Ended"]
    assert rig.answers(offered) == dict.fromkeys((STARTED.id, ENDED.id), NotificationDelivery.DELIVERED)
    assert set(rig.woken) == {offered.key}
    assert rig.count("delivered") == 2


async def test_a_body_names_resource_cluster_and_page() -> None:
    rig = Rig()
    await rig.told(resource(STARTED))
    (body,) = rig.scripted.bodies("chat")
    assert body["id"] == "u/3/Started/t1"
    assert (body["cluster"], body["model"], body["page"]) == ("eu-1", "m", "https://monitor.example/models/ns/m")


async def test_a_receiver_that_does_not_take_it_is_tried_later_and_later_and_nothing_overtakes() -> None:
    away = WebhookAway("it answers 503")
    rig, offered = Rig(chat=[away, away, away]), resource(STARTED, ENDED)
    for after, tries in ((0, 1), (4.9, 1), (0.2, 2), (9.8, 2), (0.4, 3), (19.0, 3)):
        await rig.told(offered, after=after)
        assert len(rig.scripted.tries) == tries, after
        assert rig.answers(offered) == {STARTED.id: NotificationDelivery.AWAY}
    assert rig.woken == [offered.key], "the same words are no news"
    await rig.told(offered, after=2)
    assert [body["event"] for body in rig.scripted.bodies("chat")] == ["Started", "Ended"]
    assert (rig.count("away"), rig.count("delivered")) == (3, 2)


async def test_a_receiver_that_asks_to_be_left_alone_is_left_alone() -> None:
    rig, offered = Rig(chat=[WebhookAway("it answers 429", retry_after=60)]), resource(STARTED)
    await rig.told(offered)
    await rig.told(offered, after=59)
    assert len(rig.scripted.tries) == 1
    await rig.told(offered, after=1)
    assert len(rig.scripted.bodies("chat")) == 1


async def test_one_that_refuses_is_not_tried_again_and_the_next_one_is_told() -> None:
    rig, offered = Rig(chat=[WebhookRefused("it answers 410")]), resource(STARTED, ENDED)
    await rig.told(offered)
    await rig.told(offered, after=3600)
    assert rig.answers(offered) == {
        STARTED.id: NotificationDelivery.FAILED,
        ENDED.id: NotificationDelivery.DELIVERED,
    }
    assert [body["event"] for body in rig.scripted.bodies("chat")] == ["Ended"]


@pytest.mark.parametrize("problem", [Rejected("Secret 'chat' cannot be read"), ClusterAway("x"), RuntimeError("odd")])
async def test_a_secret_that_is_not_there_yet_may_come(problem: Exception) -> None:
    rig, offered = Rig(), resource(STARTED)
    rig.scripted.unreadable["chat"] = problem
    await rig.told(offered)
    assert rig.answers(offered) == {STARTED.id: NotificationDelivery.AWAY}
    del rig.scripted.unreadable["chat"]
    await rig.told(offered, after=5)
    assert rig.answers(offered) == {STARTED.id: NotificationDelivery.DELIVERED}


async def test_receivers_that_hang_keep_no_other_resource_and_no_other_receiver_waiting() -> None:
    rig = Rig()
    rig.scripted.hanging = {"slow"}
    both = resource(evolve(STARTED, to=("slow", "chat")), notify=("slow", "chat"))
    others = [resource(evolve(STARTED, to=("slow",)), name=f"slow{number}", notify=("slow",)) for number in range(3)]
    await rig.told(*others, both, resource(STARTED, name="quick"))
    assert len(rig.scripted.bodies("chat")) == 2


async def test_a_receiver_that_was_mended_counts_at_once() -> None:
    rig = Rig(old=[WebhookAway("it answers 500")])
    await rig.told(resource(STARTED, at="old"))
    await rig.told(resource(STARTED, at="new"))
    assert len(rig.scripted.bodies("new")) == 1


async def test_what_was_delivered_is_not_sent_again_while_status_still_has_it() -> None:
    rig = Rig(pager=[WebhookAway("it answers 500")])
    await rig.told(resource(evolve(STARTED, to=("chat", "pager")), notify=("chat", "pager")))
    await rig.told(resource(evolve(STARTED, to=("pager",)), ENDED, notify=("chat", "pager")), after=5)
    assert [body["event"] for body in rig.scripted.bodies("chat")] == ["Started", "Ended"]
    assert [body["event"] for body in rig.scripted.bodies("pager")] == ["Started"]


async def test_another_process_sends_what_status_still_has() -> None:
    away = WebhookAway("it answers 500")
    before, after = Rig(chat=[away]), Rig()
    await before.told(resource(STARTED, ENDED))
    await after.told(resource(STARTED, ENDED))
    assert [body["event"] for body in after.scripted.bodies("chat")] == ["Started", "Ended"]


async def test_a_resource_that_is_gone_or_has_nothing_to_tell_is_forgotten() -> None:
    rig = Rig(chat=[WebhookAway("it answers 500")] * 2)
    await rig.told(resource(STARTED), resource(STARTED, name="other"))
    rig.outbox.forget(ResourceKey("ns", "m"))
    await rig.told(resource(name="other"), after=3600)
    assert len(rig.scripted.tries) == 2


async def test_the_administrator_s_receiver_has_its_secret_in_the_release_s_namespace() -> None:
    rig = Rig()
    await rig.told(resource(evolve(STARTED, to=("ops",)), notify=None))
    assert rig.scripted.tries == [("penstock", "ops")]
    await rig.told(resource(STARTED, name="own"))
    assert rig.scripted.tries[-1] == ("ns", "chat")


def test_one_that_is_given_up_is_counted_where_it_is_announced_and_all_series_begin_at_0() -> None:
    metrics, key = CollectorRegistry(), ResourceKey("ns", "m")
    telemetry = ControllerTelemetry(metrics)
    telemetry.begins(key, generation=1, observed=1)
    labels = {"namespace": "ns", "name": "m", "outcome": "failed"}
    assert metrics.get_sample_value("penstock_controller_notifications_total", labels) == 0
    given_up = Announcement(type="Warning", reason=Reason.NOTIFICATION_FAILED, message="x", attempt=3)
    telemetry.announced(key, given_up)
    assert metrics.get_sample_value("penstock_controller_notifications_total", labels) == 1
