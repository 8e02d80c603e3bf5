"""Fetching over real HTTP from a store that fails in every way a network knows."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, ModelCard, ModelFile
from penstock_predictor.errors import CardInvalid, FileInvalid, PredictorError, StoreRefused, StoreUnavailable
from penstock_predictor.fetch import Fetch
from penstock_testing.faulty_server import Fault, FaultyExchange, FaultyServer

from .conftest import StartProcess

MODEL = bytes(range(256)) * 4000
WEIGHTS = b"weights " * 1000
CALL = httpx.Timeout(0.3)


def card_of(contents: dict[str, bytes], *, paths: dict[str, str] | None = None) -> ModelCard:
    files = tuple(
        ModelFile(path=(paths or {}).get(path, path), size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in sorted(contents.items())
    )
    return ModelCard(
        digest=digest_of(files),
        files=files,
        model_path=files[0].path,
        inputs=(),
        outputs=(),
        golden=Golden(
            source=GoldenSource.SIGNATURE,
            request=InferRequest(inputs=()),
            response=InferResponse(model_name="m", outputs=()),
        ),
    )


CONTENTS = {"model.onnx": MODEL, "weights/part 0.bin": WEIGHTS, "weights/empty": b""}
CARD = card_of(CONTENTS)


def bytes_(content: bytes, status: int = 200) -> Fault:
    async def answer(exchange: FaultyExchange) -> None:
        await exchange.answer(content, status=status)

    return answer


async def truncated(exchange: FaultyExchange) -> None:
    exchange.writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(MODEL)}\r\n\r\n".encode() + MODEL[:1000])
    await exchange.writer.drain()
    exchange.writer.close()


async def endless(exchange: FaultyExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        exchange.writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await exchange.writer.drain()


async def hanging(exchange: FaultyExchange) -> None:
    await exchange.silence()


async def stalled(exchange: FaultyExchange) -> None:
    exchange.writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(MODEL)}\r\n\r\n".encode() + MODEL[:1000])
    await exchange.writer.drain()
    await exchange.silence()


async def reset(exchange: FaultyExchange) -> None:
    await exchange.reset_in_the_middle()


async def garbage(exchange: FaultyExchange) -> None:
    await exchange.garbage()


@dataclass
class Store:
    """A store whose first answers for a path may be faults; it then answers well."""

    card: ModelCard = CARD
    contents: dict[str, bytes] = field(default_factory=lambda: dict(CONTENTS))
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def server(self) -> FaultyServer:
        base = f"/v1/digests/{self.card.digest}"
        good = {base: bytes_(self.card.model_dump_json().encode())}
        for path, content in self.contents.items():
            good[f"{base}/files/{path.replace(' ', '%20')}"] = bytes_(content)
        return FaultyServer({path: self._route(path.removeprefix(base), answer) for path, answer in good.items()})

    def _route(self, path: str, good: Fault) -> Fault:
        async def answer(exchange: FaultyExchange) -> None:
            self.asked.append(path)
            waiting = self.faults.get(path)
            await (waiting.pop(0) if waiting else good)(exchange)

        return answer


@dataclass
class Sleeps:
    """Time that passes only by sleeping."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def fetch(store: Store, folder: Path, *, timeout_seconds: float = 60, time: Sleeps | None = None) -> ModelCard:
    passing = time or Sleeps()
    async with store.server() as server:
        task = Fetch(
            store_url=f"http://127.0.0.1:{server.port}",
            digest=store.card.digest,
            folder=folder,
            timeout_seconds=timeout_seconds,
            call_timeout=CALL,
            sleep=passing.sleep,
            clock=lambda: passing.now,
            draw=random.Random(1),
        )
        return await asyncio.to_thread(task.run)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def test_a_whole_model_is_put_in_place_with_its_card(tmp_path: Path) -> None:
    store, time = Store(), Sleeps()
    card = await fetch(store, tmp_path, time=time)
    assert card == CARD
    assert content_of(tmp_path) == CONTENTS | {"card.json": CARD.model_dump_json().encode()}
    assert time.slept == []


async def test_fetched_again_nothing_is_asked_for(tmp_path: Path) -> None:
    await fetch(Store(), tmp_path)
    store = Store()
    assert await fetch(store, tmp_path) == CARD
    assert store.asked == []


async def test_a_folder_that_was_damaged_is_fetched_again(tmp_path: Path) -> None:
    await fetch(Store(), tmp_path)
    (tmp_path / "model.onnx").write_bytes(MODEL[:-1])
    await fetch(Store(), tmp_path)
    assert content_of(tmp_path)["model.onnx"] == MODEL


async def test_what_an_earlier_try_left_half_done_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "model.onnx").write_bytes(b"half")
    (tmp_path / "card.json").write_bytes(b"{")
    await fetch(Store(), tmp_path)
    assert content_of(tmp_path) == CONTENTS | {"card.json": CARD.model_dump_json().encode()}


async def test_another_model_in_the_folder_is_replaced(tmp_path: Path) -> None:
    other = card_of({"model.onnx": b"other"})
    await fetch(Store(other, {"model.onnx": b"other"}), tmp_path)
    await fetch(Store(), tmp_path)
    assert content_of(tmp_path)["model.onnx"] == MODEL


@pytest.mark.parametrize(
    "fault",
    [bytes_(b"busy", 503), bytes_(b"not yet", 404), bytes_(b"slow down", 429), hanging, reset, garbage],
    ids=["503", "404", "429", "hangs", "reset", "garbage"],
)
@pytest.mark.parametrize("path", ["", "/files/model.onnx"], ids=["card", "file"])
async def test_a_store_that_fails_twice_is_waited_for(fault: Fault, path: str, tmp_path: Path) -> None:
    store, time = Store(faults={path: [fault, fault]}), Sleeps()
    await fetch(store, tmp_path, time=time)
    assert content_of(tmp_path)["model.onnx"] == MODEL
    assert len(time.slept) == 2
    assert time.slept[0] < time.slept[1]


@pytest.mark.parametrize(
    "fault",
    [truncated, stalled, endless, bytes_(MODEL[:-1]), bytes_(MODEL[::-1]), bytes_(b"")],
    ids=["truncated", "stalls in the middle", "never ends", "one byte short", "other bytes", "nothing"],
)
async def test_bytes_that_are_not_the_models_are_fetched_again(fault: Fault, tmp_path: Path) -> None:
    store = Store(faults={"/files/model.onnx": [fault]})
    await fetch(store, tmp_path)
    assert content_of(tmp_path)["model.onnx"] == MODEL
    assert store.asked.count("/files/model.onnx") == 2
    assert store.asked.count("") == 1


Broken = Callable[[], Store]


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (lambda: Store(faults={"": [bytes_(b"", 503)] * 1000}), StoreUnavailable, "within 60 s: .* answered 503"),
        (lambda: Store(faults={"": [bytes_(b"", 401)]}), StoreRefused, "answered 401: check PENSTOCK_STORE_URL"),
        (lambda: Store(faults={"": [bytes_(b"<html>")]}), CardInvalid, "is not a model card"),
        (
            lambda: Store(faults={"": [bytes_(card_of({"m": b"x"}).model_dump_json().encode())]}),
            PredictorError,
            "card from http.*: expected sha256:",
        ),
        (
            lambda: Store(card=card_of({"model.onnx": MODEL}, paths={"model.onnx": "../../model.onnx"})),
            CardInvalid,
            r"names the unsafe path '\.\./\.\./model\.onnx'",
        ),
        (
            lambda: Store(faults={"/files/model.onnx": [bytes_(MODEL[:-1])] * 1000}),
            FileInvalid,
            "expected 1024000 bytes, got 1023999: the store holds or sends wrong bytes",
        ),
    ],
    ids=["away for too long", "refuses", "no card", "another card", "unsafe path", "wrong bytes for ever"],
)
async def test_what_cannot_succeed_ends_and_leaves_no_card(
    broken: Broken, error: type[PredictorError], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "model"
    folder.mkdir(parents=True)
    with pytest.raises(error, match=message):
        await fetch(broken(), folder)
    assert "card.json" not in content_of(folder)
    assert not (tmp_path / "model.onnx").exists()


async def test_the_log_says_what_it_waits_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await fetch(Store(faults={"": [bytes_(b"", 503)]}), tmp_path)
    (waiting,) = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert waiting.startswith(f"waiting for the model store: model card of {CARD.digest}: http://127.0.0.1:")
    assert "answered 503; try 1 failed, next in 0.1 s" in waiting


# -- the command


async def run_command(start_process: StartProcess, folder: Path, store: Store) -> int:
    async with store.server() as server:
        url = f"http://127.0.0.1:{server.port}"
        process = start_process("fetch", model_dir=folder, store_url=url, model_digest=store.card.digest)
        return await asyncio.to_thread(process.ended)


async def test_the_command_fetches_and_ends_well(tmp_path: Path, start_process: StartProcess) -> None:
    assert await run_command(start_process, tmp_path, Store(faults={"": [bytes_(b"", 503)]})) == 0
    assert content_of(tmp_path)["model.onnx"] == MODEL


async def test_the_command_leaves_last_words(tmp_path: Path, start_process: StartProcess) -> None:
    log = tmp_path / "log"
    async with Store(faults={"": [bytes_(b"", 401)]}).server() as server:
        process = start_process(
            "fetch",
            model_dir=tmp_path / "model",
            store_url=f"http://127.0.0.1:{server.port}",
            model_digest=CARD.digest,
            termination_log=log,
        )
        assert await asyncio.to_thread(process.ended) == 1
    assert log.read_text().startswith("StoreRefused: ")


def test_without_a_store_the_command_says_what_it_needs(start_process: StartProcess) -> None:
    process = start_process("fetch")
    _, errors = process.process.communicate(timeout=60)
    assert process.process.returncode == 2
    assert "fetch needs PENSTOCK_STORE_URL and PENSTOCK_MODEL_DIGEST" in errors


async def test_sigterm_ends_a_waiting_fetch(tmp_path: Path, start_process: StartProcess) -> None:
    wait: Callable[..., Awaitable[object]] = asyncio.to_thread
    async with Store(faults={"": [bytes_(b"", 503)] * 1000}).server() as server:
        process = start_process(
            "fetch", model_dir=tmp_path, store_url=f"http://127.0.0.1:{server.port}", model_digest=CARD.digest
        )
        await wait(process.logged, "waiting for the model store")
        process.process.terminate()
        assert await wait(process.ended) == 143
