import pytest

from penstock_testing.connection import Failure
from penstock_testing.record import RequestRecord, Stamp
from penstock_testing.recording import RecordedBody, RecordingEnded, RecordingStarted
from penstock_testing.tally import Tally
from penstock_testing.traffic_result import Latency, TrafficResult, percentile

START = 1000.0
UNIX = 1_700_000_000.0
DEADLINE = 2.0


class BodyNamesVersion:
    def __init__(self) -> None:
        self.asked = 0

    def attribute(self, question: int, body: str) -> str | None:
        self.asked += 1
        return body if body in ("v1", "v2") else None


def request(
    number: int,
    *,
    due: float,
    body: str = "",
    failure: str = "",
    status: int = 200,
    late: float = 0.0,
    took: float = 0.01,
    question: int = 0,
) -> RequestRecord:
    sent = due + late
    written = failure != Failure.NO_CONNECTION
    return RequestRecord(
        number=number,
        question=question,
        scheduled=Stamp(START + due, UNIX + due),
        dispatched=START + sent,
        sent=Stamp(START + sent, UNIX + sent) if written else None,
        ended=Stamp(START + sent + took, UNIX + sent + took),
        status=status,
        failure=failure,
        body=body,
        revision="",
        digest=f"sha256:{body}",
        request_id=f"request-{number}",
        local_port=40000,
    )


def result(*records: RequestRecord, attribution: BodyNamesVersion | None = None) -> TrafficResult:
    tally = Tally(attribution or BodyNamesVersion(), deadline_seconds=DEADLINE)
    tally.add(RecordingStarted(at=Stamp(START, UNIX), warm=1))
    for key in ("v1", "v2", "v3"):
        tally.add(RecordedBody(key=key, text=key))
    for record in records:
        tally.add(record)
    tally.add(RecordingEnded(at=Stamp(START + 9, UNIX + 9), opened=1, failed_opens=3, closed=1, dropped_bodies=0))
    return tally.result()


def test_every_request_is_counted_once_by_version_or_by_reason() -> None:
    shown = result(
        request(0, due=0.0, body="v1"),
        request(1, due=0.5, body="v2"),
        request(2, due=1.0, body="v3"),
        request(3, due=1.5, failure=Failure.NOT_2XX, status=503),
        request(4, due=2.0, failure=Failure.PAST_DEADLINE, status=0, took=DEADLINE),
        request(5, due=2.5, failure=Failure.NO_CONNECTION, status=0, took=DEADLINE),
    )
    assert shown.by_version == {"v1": 1, "v2": 1}
    assert shown.failed_by_reason == {"wrong answer": 1, "not 2xx: 503": 1, "past deadline": 1, "no connection": 1}
    assert shown.sent == 6 == shown.failed + sum(shown.by_version.values())
    assert shown.valid
    assert shown.failed_opens == 3
    assert [failure.body for failure in shown.failures if failure.number == 2] == ["v3"]


def test_the_timeline_shows_each_second_by_scheduled_time() -> None:
    shown = result(
        request(0, due=0.2, body="v1"),
        request(1, due=0.9, body="v2", late=0.01),
        request(2, due=2.0, failure=Failure.CONNECTION_LOST),
    )
    assert [(s.second, s.sent, s.failed, s.by_version) for s in shown.timeline] == [
        (0, 2, 0, {"v1": 1, "v2": 1}),
        (2, 1, 1, {}),
    ]


def test_requests_sent_after_a_moment_are_counted_by_the_version_that_answered() -> None:
    shown = result(*(request(i, due=i, body=body) for i, body in enumerate(["v1", "v1", "v2", "v1"])))
    assert shown.sent_after(UNIX + 1, "v1") == 1
    assert shown.sent_after(UNIX + 0.5, "v1") == 2
    assert shown.sent_after(UNIX + 3, "v1") == 0
    assert shown.sent_after(UNIX, "v9") == 0
    assert shown.first_sent("v2") == UNIX + 2


def test_requests_sent_between_two_moments_are_counted_by_the_version_that_answered() -> None:
    shown = result(*(request(i, due=i, body=body) for i, body in enumerate(["v1", "v1", "v2", "v1"])))
    assert shown.by_version_between(UNIX + 1, UNIX + 2) == {"v1": 1, "v2": 1}
    assert shown.by_version_between(UNIX + 4, UNIX + 9) == {}


def test_a_question_is_followed_from_version_to_version() -> None:
    asked = ((0, "v1", 3), (1, "v2", 7), (2, "v2", 3))
    shown = result(*(request(i, due=i, body=body, question=question) for i, body, question in asked))
    assert shown.versions_between(3, UNIX, UNIX + 1) == {"v1"}
    assert shown.versions_between(3, UNIX, UNIX + 2) == {"v1", "v2"}
    assert shown.versions_between(9, UNIX, UNIX + 2) == set()


def test_failures_are_told_apart_by_what_was_in_flight() -> None:
    shown = result(
        request(0, due=1.0, failure=Failure.CONNECTION_LOST, took=0.1),
        request(1, due=3.0, failure=Failure.CONNECTION_LOST, took=0.1),
    )
    assert [failure.number for failure in shown.in_flight_at(UNIX + 1.3)] == [0]


def test_none_failed_is_said_of_a_valid_run_without_failures_only() -> None:
    result(request(0, due=0, body="v1")).assert_none_failed()
    for bad in (request(0, due=0, body="v3"), request(0, due=0, body="v1", late=0.06)):
        with pytest.raises(AssertionError, match="1 sent"):
            result(bad).assert_none_failed()


def test_latency_is_measured_from_the_schedule_and_from_the_wire() -> None:
    shown = result(request(0, due=0, body="v1", late=0.04, took=0.01))
    assert shown.from_scheduled.p99 == pytest.approx(0.05)
    assert shown.from_sent.p99 == pytest.approx(0.01)


def test_an_answer_is_attributed_once_however_often_it_comes() -> None:
    attribution = BodyNamesVersion()
    shown = result(*(request(i, due=i / 100, body="v1") for i in range(100)), attribution=attribution)
    assert (shown.by_version, attribution.asked) == ({"v1": 100}, 1)


def test_a_late_driver_makes_the_run_invalid() -> None:
    shown = result(*(request(i, due=i, body="v1", late=0.06) for i in range(3)))
    assert not shown.valid
    assert "the driver itself was late: 0.060 s (p99)" in shown.invalid[0]


def test_a_failure_during_a_stall_of_the_driver_is_not_blamed_on_the_system() -> None:
    punctual = [request(i, due=i / 100, body="v1") for i in range(1000)]
    stalled = request(1000, due=10.0, body="v1", late=0.5)
    failed = request(1001, due=9.9, failure=Failure.PAST_DEADLINE, took=DEADLINE)
    assert result(*punctual, stalled).valid
    shown = result(*punctual, stalled, failed)
    assert shown.invalid == ("the driver stood still for over 0.1 s while 1 of the failed requests were open",)


def test_a_deadline_that_fires_late_shows_a_stall_where_no_other_request_was_due() -> None:
    shown = result(request(0, due=0, failure=Failure.PAST_DEADLINE, took=DEADLINE + 0.2))
    assert not shown.valid


def test_a_run_that_sent_nothing_proves_nothing() -> None:
    assert result().invalid == ("no request was sent",)


def test_a_record_survives_the_recording() -> None:
    for record in (request(1, due=0.123456, body="v1"), request(2, due=1, failure=Failure.NO_CONNECTION)):
        assert RequestRecord.from_row(record.row()) == record


@pytest.mark.parametrize(
    ("per_cent", "expected"),
    [(50, 50), (99, 99), (100, 100), (1, 1), (0, 1)],
)
def test_percentiles_are_of_the_nearest_rank(per_cent: float, expected: int) -> None:
    assert percentile(range(1, 101), per_cent) == expected


def test_no_answers_have_no_latency() -> None:
    assert Latency.of([]) == Latency(p50=None, p99=None, worst=None)


def test_a_description_says_what_failed_and_what_is_doubtful() -> None:
    described = result(request(0, due=0, body="v1", late=0.06), request(1, due=1, body="v3")).describe()
    assert "2 sent, 1 failed" in described
    assert "{'wrong answer': 1}" in described
    assert "70.0 ms (p99)" in described
    assert "INVALID: the driver itself was late" in described
