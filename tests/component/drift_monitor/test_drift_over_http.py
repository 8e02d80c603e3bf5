"""From records and a reference sample to a verdict, with the real process."""

import httpx

from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftReason, DriftVerdict, RolloutFacts, ServedVersion

from .conftest import FileStore, StartMonitor, eventually
from .traffic import DIGEST, STABLE, WISH, batch, card, files


def test_a_shift_of_one_standard_deviation_is_found(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    assert monitor.watch(WISH).verdict is DriftVerdict.INCONCLUSIVE
    monitor.has_reference()
    for number in range(1, 11):
        assert monitor.post(batch(number)).status_code == httpx.codes.NO_CONTENT
    calm = monitor.drift()
    assert (calm.verdict, calm.rows, calm.reference_rows) == (DriftVerdict.NO_DRIFT, 1000, 2000)
    for number in range(11, 31):
        monitor.post(batch(number, shift=1.0))
    found = monitor.drift()
    drifted = [column.name for column in found.columns if column.verdict is DriftVerdict.DRIFT]
    assert drifted == ["amount"]
    assert found.reason is DriftReason.COLUMN_DRIFT
    assert "amount" in found.message
    assert monitor.watch(WISH) == found


def test_a_weight_that_moves_is_shown_and_leaves_the_bets_as_they_are(
    start_monitor: StartMonitor, store: FileStore
) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    for number in range(1, 6):
        monitor.post(batch(number, shift=0.5))
    before = monitor.drift()
    rollout = RolloutFacts(phase="Progressing", weights={"1": 75, "2": 25}, decision="version 1 Promoted")
    assert monitor.watch(evolve(WISH, rollout=rollout)) == before
    for page in (monitor.client.get("/").text, monitor.client.get("/models/shop/fraud").text):
        assert "1 (stable, 75 %), 2 (25 %)" in page
        assert "version 1 Promoted" in page


def test_a_column_that_comes_as_hashes_is_named_and_not_judged(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(evolve(WISH, hashed_columns=("shop",)))
    monitor.has_reference()
    for number in range(1, 11):
        monitor.post(batch(number))
    report = monitor.drift()
    assert {column.name for column in report.columns} == {"amount", "age", "prediction (version 1)"}
    assert report.message.endswith("numbers: shop")


def test_records_before_the_wish_are_judged_when_it_comes(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    for number in range(1, 11):
        assert monitor.post(batch(number, shift=1.0)).status_code == httpx.codes.NO_CONTENT
    assert monitor.client.get("/v1/drift/shop/fraud").status_code == httpx.codes.NOT_FOUND
    monitor.watch(WISH)
    monitor.has_reference()
    assert monitor.drift().rows == 1000
    assert any(column.verdict is DriftVerdict.DRIFT for column in monitor.drift().columns)


def test_copies_that_users_did_not_see_are_not_counted_among_inputs(
    start_monitor: StartMonitor, store: FileStore
) -> None:
    store.files = files()
    monitor = start_monitor()
    candidate = ServedVersion(version="2", digest=DIGEST, revision="fraud-2")
    monitor.watch(evolve(WISH, others=(candidate,)))
    monitor.has_reference()
    for number in range(1, 11):
        monitor.post(batch(number))
        monitor.post(batch(number, sender="pod-2", served=candidate, shadow=True))
    report = monitor.drift()
    assert report.rows == 1000
    assert any("version 2" in column.name and column.rows == 1000 for column in report.columns)


def test_a_version_without_a_sample_is_said_to_have_none(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = {f"/v1/digests/{DIGEST}": card(None)}
    monitor = start_monitor()
    monitor.watch(WISH)
    eventually(lambda: monitor.drift().reason is DriftReason.NO_REFERENCE, "it is said")
    assert monitor.drift().verdict is DriftVerdict.ERROR


def test_a_sample_that_cannot_be_read_is_said_to_be_bad(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files() | {f"/v1/digests/{DIGEST}/files/reference.csv": b"amount,age\n"}
    monitor = start_monitor()
    monitor.watch(WISH)
    eventually(lambda: monitor.drift().reason is DriftReason.BAD_REFERENCE, "it is said")
    assert "no rows" in monitor.drift().message


def test_a_store_that_is_away_is_asked_again_until_it_answers(start_monitor: StartMonitor, store: FileStore) -> None:
    monitor = start_monitor()
    monitor.watch(WISH)
    eventually(lambda: len(store.asked) > 1, "it is asked twice")
    waiting = monitor.drift()
    assert waiting.verdict is DriftVerdict.INCONCLUSIVE
    assert "404" in waiting.message
    store.files = files()
    monitor.has_reference()


def test_a_deleted_resource_is_forgotten_and_may_come_again(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    monitor.post(batch(1))
    assert monitor.client.delete("/v1/resources/shop/fraud").status_code == httpx.codes.NO_CONTENT
    assert monitor.client.get("/v1/drift/shop/fraud").status_code == httpx.codes.NOT_FOUND
    assert monitor.watch(WISH).window_from is None
    monitor.has_reference()
    assert monitor.post(batch(1)).status_code == httpx.codes.NO_CONTENT
    assert monitor.drift().rows == 100


def test_a_promoted_version_is_judged_by_its_own_sample(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    monitor.post(batch(1))
    promoted = evolve(STABLE, digest="sha256:" + "1" * 64, version="2")
    report = monitor.watch(evolve(WISH, stable=promoted))
    assert (report.verdict, report.reference_rows) == (DriftVerdict.INCONCLUSIVE, 0)


def test_what_cannot_be_read_is_refused_with_its_place(start_monitor: StartMonitor) -> None:
    monitor = start_monitor(max_body_bytes="20000")
    answer = monitor.post(b"\x93\x01")
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "RecordBatch" in answer.json()["error"]
    assert monitor.post(batch(1, rows=1000)).status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    wrong = monitor.client.put("/v1/resources/shop/fraud", json={"margin": 2})
    assert wrong.status_code == httpx.codes.BAD_REQUEST
    assert "stable" in wrong.json()["error"]


def test_two_monitors_do_not_share_a_folder(start_monitor: StartMonitor) -> None:
    start_monitor()
    second = start_monitor()
    assert second.process.returncode == 1
    assert "another drift monitor" in second.log.read_text()


def test_metrics_tell_rows_and_odds(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    monitor.post(batch(1))
    monitor.watch(WISH)
    text = monitor.client.get("/metrics").text
    assert 'penstock_monitor_rows_total{name="fraud",namespace="shop"} 100.0' in text
    assert 'penstock_drift_log_odds{column="amount",name="fraud",namespace="shop"}' in text
    assert 'penstock_monitor_batches_total{outcome="kept"} 1.0' in text


def test_pages_and_the_report_show_the_window_and_the_verdict(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    for number in range(1, 11):
        monitor.post(batch(number, shift=1.0))
    assert "shop/fraud" in monitor.client.get("/").text
    assert "amount" in monitor.client.get("/models/shop/fraud").text
    report = monitor.client.get("/v1/reports/shop/fraud.json", timeout=120)
    assert report.status_code == httpx.codes.OK, report.text
    assert "amount" in report.text
