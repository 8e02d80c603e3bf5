"""Brings a model from the model store into a folder: the init container of every predictor pod.

The store may be away, slow or restarting: then we wait. What it sends is believed when size, sha256 and digest agree.
"""

import hashlib
import logging
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx

from penstock_contracts.model_card import ModelCard, ModelFile
from penstock_predictor.backoff import delays
from penstock_predictor.errors import CardInvalid, FileInvalid, StartError, StoreRefused, StoreUnavailable
from penstock_predictor.model.model_files import (
    CARD_FILE,
    PARTIAL_FOLDER,
    check_digest,
    check_file,
    parse_card,
    read_card,
    verify,
)

CALL_TIMEOUT = httpx.Timeout(connect=3, read=10, write=10, pool=10)
"""Seconds; a read that brings no byte for that long counts as a hang."""
MAX_CARD_BYTES = 64 * 1024 * 1024
"""A card holds a golden request and its answer, never more than a request body or two."""

_WORTH_WAITING = frozenset({404, 408, 425, 429})
"""404: the store knows the digest only once its ingest is done."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class _StoreNotNow(Exception):
    """The store cannot answer now; the next try may succeed."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """One model to bring into one folder."""

    store_url: str
    digest: str
    folder: Path
    timeout_seconds: float
    call_timeout: httpx.Timeout = field(default_factory=lambda: CALL_TIMEOUT)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    draw: random.Random = field(default_factory=random.Random)

    def run(self) -> ModelCard:
        """Make the folder hold the model and its card; return the card. Nothing is fetched when it already does.

        Raises StoreUnavailable after `timeout_seconds`, StoreRefused, CardInvalid, DigestMismatch, FileInvalid.
        """
        card = self._read_whole_card()
        if card is not None:
            _log.info("model is already whole: nothing fetched", extra={"digest": self.digest})
            return card
        # The store is inside the cluster: a proxy from the environment must not see these calls.
        with httpx.Client(base_url=self.store_url, timeout=self.call_timeout, trust_env=False) as client:
            return _Download(self, client, self.clock() + self.timeout_seconds).run()

    def _read_whole_card(self) -> ModelCard | None:
        try:
            card = read_card(self.folder)
            if card is None or card.digest != self.digest:
                return None
            verify(self.folder, card)
        except (CardInvalid, FileInvalid) as error:
            _log.info("folder is not whole: fetching again", extra={"reason": str(error)})
            return None
        return card


class _Download:
    def __init__(self, fetch: Fetch, client: httpx.Client, deadline: float) -> None:
        self._fetch = fetch
        self._client = client
        self._deadline = deadline
        self._partial = fetch.folder / PARTIAL_FOLDER

    def run(self) -> ModelCard:
        started = self._fetch.clock()
        body, card = self._insist("model card", self._card)
        shutil.rmtree(self._partial, ignore_errors=True)
        for file in card.files:
            self._insist(f"file {file.path!r}", partial(self._file, file))
        self._put_in_place(card, body)
        _log.info(
            "model fetched",
            extra={
                "digest": card.digest,
                "files": len(card.files),
                "bytes": sum(file.size for file in card.files),
                "seconds": round(self._fetch.clock() - started, 3),
            },
        )
        return card

    def _insist(self, what: str, action: Callable[[], _T]) -> _T:
        for attempt, delay in enumerate(delays(self._fetch.draw), start=1):
            try:
                return action()
            except (httpx.TransportError, FileInvalid, _StoreNotNow) as error:
                reason = str(error) or type(error).__name__
                if self._fetch.clock() + delay > self._deadline:
                    raise self._give_up(what, reason, error) from error
                detail = f"{what} of {self._fetch.digest}: {reason}; try {attempt} failed, next in {delay:.1f} s"
                _log.warning("waiting for the model store: %s", detail)
            self._fetch.sleep(delay)
        raise AssertionError("delays() does not end")

    def _give_up(self, what: str, reason: str, error: Exception) -> StartError:
        source = f"{what} of {self._fetch.digest} from {self._fetch.store_url}"
        if isinstance(error, FileInvalid):
            return FileInvalid(f"{source}: {reason}: the store holds or sends wrong bytes")
        limit = f"{self._fetch.timeout_seconds:g} s"
        return StoreUnavailable(f"{source}: not available within {limit}: {reason}: see the model store's log")

    def _card(self) -> tuple[bytes, ModelCard]:
        url = f"/v1/digests/{quote(self._fetch.digest, safe=':')}"
        body = b"".join(_limit(self._bytes(url), MAX_CARD_BYTES, "the model card"))
        card = parse_card(body, source=f"card from {self._fetch.store_url}")
        check_digest(card.digest, self._fetch.digest, source=f"card from {self._fetch.store_url}")
        return body, card

    def _file(self, file: ModelFile) -> None:
        url = f"/v1/digests/{quote(self._fetch.digest, safe=':')}/files/{quote(file.path)}"
        target = self._partial / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        hasher, size = hashlib.sha256(), 0
        with target.open("wb") as stream:
            for chunk in _limit(self._bytes(url), file.size, f"file {file.path!r}"):
                stream.write(chunk)
                hasher.update(chunk)
                size += len(chunk)
        received = ModelFile(path=file.path, size=size, sha256=hasher.hexdigest())
        check_file(file, received, where="received file")

    def _bytes(self, url: str) -> Iterator[bytes]:
        with self._client.stream("GET", url) as response:
            _check_status(response)
            for chunk in response.iter_bytes():
                if self._fetch.clock() > self._deadline:
                    raise _StoreNotNow(f"the time limit of {self._fetch.timeout_seconds:g} s passed while receiving")
                yield chunk

    def _put_in_place(self, card: ModelCard, body: bytes) -> None:
        """Card last: a folder with a card is whole, also when we are killed between two of these lines."""
        folder = self._fetch.folder
        (folder / CARD_FILE).unlink(missing_ok=True)
        for file in card.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._partial / file.path).replace(target)
        (self._partial / CARD_FILE).write_bytes(body)
        (self._partial / CARD_FILE).replace(folder / CARD_FILE)
        shutil.rmtree(self._partial, ignore_errors=True)


def _check_status(response: httpx.Response) -> None:
    if response.is_success:
        return
    answer = f"{response.url} answered {response.status_code}"
    if response.is_server_error or response.status_code in _WORTH_WAITING:
        raise _StoreNotNow(answer)
    raise StoreRefused(f"{answer}: check PENSTOCK_STORE_URL and the store's version")


def _limit(chunks: Iterator[bytes], limit: int, what: str) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise FileInvalid(f"{what}: more than {limit} bytes arrive")
        yield chunk
