"""Notifications over real HTTP: what each answer of a receiver means, and that each notification arrives once."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from prometheus_client import CollectorRegistry

from penstock_contracts.api.notify import NotificationState, PendingNotification
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.adapters.kubernetes.secrets import SecretAddresses
from penstock_controller.adapters.receivers import MOST_BYTES, HttpReceivers
from penstock_controller.errors import Rejected, WebhookAway, WebhookRefused
from penstock_controller.messages.post import NotificationPost
from penstock_controller.notification_outbox import NotificationDefaults, NotificationOutbox
from penstock_controller.ports import ModelDeployment, ReceiverAddress, ResourceKey
from penstock_controller.rollout.notification_view import NotificationDelivery
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.faulty_server import FaultyExchange, FaultyServer
from penstock_testing.rollout_world import spec

KEY = ResourceKey("ns", "m")


def says(body: object, status: int = 200, *headers: str) -> Any:
    return lambda exchange: exchange.answer(json.dumps(body).encode(), status=status, headers=headers)


async def half(exchange: FaultyExchange) -> None:
    """That it is taken is said at once; the rest of the answer never comes."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await exchange.writer.drain()
    await asyncio.Event().wait()


FAULTS = {
    "/ok": lambda exchange: exchange.answer(b"ok"),
    "/accepted": lambda exchange: exchange.answer(b"", status=202),
    "/posted": says({"ok": True, "ts": "1.2"}),
    "/not-posted": says({"ok": False, "error": "channel_not_found"}),
    "/deep": lambda exchange: exchange.answer(b"[" * 60_000),
    "/large": lambda exchange: exchange.answer(b" " * (MOST_BYTES + 1)),
    "/half": half,
    "/moved": lambda exchange: exchange.answer(b"", status=307, headers=("Location: http://127.0.0.1/ok",)),
    "/archived": lambda exchange: exchange.answer(b"channel_is_archived", status=410),
    "/invalid": lambda exchange: exchange.answer(b"invalid_payload", status=400),
    "/limited": says({}, 429, "Retry-After: 30"),
    "/limited-for-years": says({}, 429, "Retry-After: 99999999999"),
    "/limited-until": says({}, 429, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"),
    "/broken": lambda exchange: exchange.answer(b"secret words", status=500),
    "/silent": FaultyExchange.silence,
    "/garbage": FaultyExchange.garbage,
}
POST = NotificationPost(name="u/3/Ended/t/chat", body=b'{"text": "x"}')


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with FaultyServer(FAULTS) as running:
        yield running


@pytest.fixture(scope="module")
def receivers() -> HttpReceivers:
    return HttpReceivers(seconds=0.5)


def at(server: FaultyServer, path: str) -> ReceiverAddress:
    return ReceiverAddress(url=f"http://127.0.0.1:{server.port}{path}", headers={"X-Team": "risk"})


@pytest.mark.parametrize("path", ["/ok", "/accepted", "/posted", "/deep", "/large", "/half"])
@pytest.mark.parametrize("says_ok", [False, True])
async def test_a_success_is_a_delivery_whatever_else_is_said(
    server: FaultyServer, receivers: HttpReceivers, path: str, *, says_ok: bool
) -> None:
    await receivers.deliver(replace(POST, says_ok=says_ok), at(server, path))
    assert server.requests == 1


async def test_slack_that_answers_200_and_not_ok_has_taken_nothing(
    server: FaultyServer, receivers: HttpReceivers
) -> None:
    with pytest.raises(WebhookRefused, match="ok: false") as refused:
        await receivers.deliver(replace(POST, says_ok=True), at(server, "/not-posted"))
    assert "channel_not_found" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "told"), [("/moved", "give its final address"), ("/archived", "answers 410"), ("/invalid", "answers 400")]
)
async def test_a_refusal_is_told_without_its_words_and_no_redirect_is_followed(
    server: FaultyServer, receivers: HttpReceivers, path: str, told: str
) -> None:
    with pytest.raises(WebhookRefused, match=told) as refused:
        await receivers.deliver(POST, at(server, path))
    assert "channel" not in str(refused.value)
    assert "127.0.0.1" not in str(refused.value)
    assert server.requests == 1


@pytest.mark.parametrize("path", ["/limited", "/broken", "/silent", "/garbage"])
async def test_what_may_pass_is_no_refusal_and_nothing_is_sent_twice(
    server: FaultyServer, receivers: HttpReceivers, path: str
) -> None:
    with pytest.raises(WebhookAway) as away:
        await receivers.deliver(POST, at(server, path))
    assert "secret words" not in str(away.value)
    assert server.requests == 1


@pytest.mark.parametrize(("path", "seconds"), [("/limited", 30), ("/limited-for-years", 300), ("/limited-until", 0)])
async def test_how_long_it_wants_to_be_left_alone_is_heeded_within_bounds(
    server: FaultyServer, receivers: HttpReceivers, path: str, seconds: float
) -> None:
    with pytest.raises(WebhookAway) as away:
        await receivers.deliver(POST, at(server, path))
    assert away.value.retry_after == seconds


async def test_nobody_listens_and_no_message_has_the_address(server: FaultyServer, receivers: HttpReceivers) -> None:
    server.refuse_new_connections()
    with pytest.raises(WebhookAway, match="cannot be reached") as away:
        await receivers.deliver(POST, at(server, "/ok"))
    assert str(server.port) not in str(away.value)


# --- with its Secret, through the outbox


@dataclass
class Chat:
    """Answers in turn as it is told, and 200 after that."""

    answers: list[Callable[[FaultyExchange], Awaitable[None]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The key of each request."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    async def __call__(self, exchange: FaultyExchange) -> None:
        self.asked.append(exchange.request_headers["idempotency-key"])
        self.tokens.add(exchange.request_headers.get("authorization", ""))
        if self.answers:
            await self.answers.pop(0)(exchange)
            return
        self.taken.append(json.loads(exchange.request_body))
        await exchange.answer(b"ok")


def secret(**values: str) -> Any:
    data = {name.replace("_", "-"): base64.b64encode(value.encode()).decode() for name, value in values.items()}
    return says({"kind": "Secret", "apiVersion": "v1", "data": data})


@dataclass
class Rig:
    """An API server that has Secrets, a chat, and a controller's outbox between them."""

    addresses: SecretAddresses
    chat: Chat
    now: float = 0.0

    def __post_init__(self) -> None:
        self.outbox = NotificationOutbox(
            HttpReceivers(seconds=0.5),
            self.addresses,
            ControllerTelemetry(CollectorRegistry()),
            lambda _: None,
            NotificationDefaults(namespace="penstock"),
            clock=lambda: self.now,
        )

    def resource(self, *events: str) -> ModelDeployment:
        pending = tuple(
            PendingNotification(
                id=f"3/{event}/t",
                event=event,
                severity="info",
                attempt=3,
                version="8",
                reason="Promoted",
                message="version 8 serves all requests",
                at="2026-03-01T03:00:00.000Z",
                to=("chat",),
            )
            for event in events
        )
        given = {"name": "chat", "type": "webhook", "secretRef": {"name": "good"}}
        return ModelDeployment(
            key=KEY,
            generation=1,
            spec=spec(notify=[given]),
            status=ModelDeploymentStatus(notifications=NotificationState(pending=pending)),
            raw={"metadata": {"namespace": "ns", "name": "m", "uid": "u"}},
        )

    async def answers(self, offered: ModelDeployment, number: int) -> list[NotificationDelivery]:
        """What is known of so many notifications, tried again without waiting, as soon as each has one answer."""
        work = asyncio.ensure_future(self.outbox.run())
        try:
            async with asyncio.timeout(20):
                while True:
                    found = [answer.delivery for answer in self.outbox.offer(offered).answers]
                    if len(found) == number and NotificationDelivery.AWAY not in found:
                        return found
                    await asyncio.sleep(0.01)  # as passes come
                    self.now += 600
                    self.outbox._queue.add(KEY)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


SECRETS = {
    "ours": {"address": "https://chat.example/x", "Idempotency_Key": "mine"},
    "file": {"address": "file:///etc/passwd"},
    "user": {"address": "https://user:word@chat.example/"},
    "lines": {"address": "https://chat.example/x\r\nX-Evil: b"},
    "none": {"token": "t"},
}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    chat = Chat()
    faults: dict[str, Any] = {"/chat": chat}
    async with FaultyServer(faults) as running:
        host = f"http://127.0.0.1:{running.port}"
        base = "/api/v1/namespaces/ns/secrets"
        faults[f"{base}/good"] = secret(address=f"{host}/chat\n", Authorization="Bearer t0ken")
        faults |= {f"{base}/{name}": secret(**values) for name, values in SECRETS.items()}
        missing = {"kind": "Status", "code": 404, "message": 'secrets "missing" not found'}
        faults[f"{base}/missing"] = says(missing, 404)
        async with ApiClient(Configuration(host=host)) as api:
            yield Rig(addresses=SecretAddresses(api), chat=chat)


async def test_a_secret_has_the_address_and_headers(rig: Rig) -> None:
    found = await rig.addresses.of("ns", "good")
    assert (found.url.rpartition("/")[2], dict(found.headers)) == ("chat", {"Authorization": "Bearer t0ken"})
    assert "chat" not in repr(found)
    assert "t0ken" not in repr(found)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ours", "Idempotency-Key is no header"),
        ("file", "address must be an http or https URL"),
        ("user", "without user"),
        ("lines", "address holds what no header can"),
        ("none", "address must be an http or https URL"),
        ("missing", "a Role and a RoleBinding of namespace ns"),
    ],
)
async def test_a_secret_that_has_no_address_is_named_without_its_values(rig: Rig, name: str, told: str) -> None:
    with pytest.raises(Rejected, match=told) as refused:
        await rig.addresses.of("ns", name)
    assert f"'{name}'" in str(refused.value)
    assert not [word for word in ("chat.example", "passwd", "word@", "Evil") if word in str(refused.value)]


async def test_a_receiver_that_breaks_and_comes_back_is_told_once_and_in_order(rig: Rig) -> None:
    rig.chat.answers = [
        lambda exchange: exchange.answer(b"", status=503),
        FaultyExchange.garbage,
        FaultyExchange.silence,
    ]
    delivered = [NotificationDelivery.DELIVERED] * 2
    assert await rig.answers(rig.resource("Started", "Ended"), 2) == delivered
    assert [key.split("/")[2] for key in rig.chat.asked] == [*["Started"] * 4, "Ended"]
    assert [body["event"] for body in rig.chat.taken] == ["Started", "Ended"]
    assert rig.chat.tokens == {"Bearer t0ken"}


async def test_500_and_then_200_is_one_delivery(rig: Rig) -> None:
    rig.chat.answers = [lambda exchange: exchange.answer(b"", status=500)]
    assert await rig.answers(rig.resource("Ended"), 1) == [NotificationDelivery.DELIVERED]
    assert len(rig.chat.asked) == 2
    assert len(set(rig.chat.asked)) == 1
    assert [body["event"] for body in rig.chat.taken] == ["Ended"]


async def test_410_is_given_up_and_the_next_one_is_delivered(rig: Rig) -> None:
    rig.chat.answers = [lambda exchange: exchange.answer(b"", status=410)]
    found = await rig.answers(rig.resource("Started", "Ended"), 2)
    assert found == [NotificationDelivery.FAILED, NotificationDelivery.DELIVERED]
    assert [body["event"] for body in rig.chat.taken] == ["Ended"]
