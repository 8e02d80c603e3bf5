"""The drift monitor's side of the wire: whether it has a batch now."""

from enum import Enum
from http import HTTPStatus
from typing import Final

import httpx

from penstock_contracts.records import RECORDS_MEDIA_TYPE, RECORDS_PATH

TIMEOUT: Final = httpx.Timeout(connect=3, read=10, write=10, pool=10)
"""Seconds. It answers when the batch is on its disk."""
_WORTH_WAITING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Reception(Enum):
    """What became of a batch."""

    ACKNOWLEDGED = "acknowledged"
    NOT_NOW = "not now"
    """Or nobody knows: to send it again counts nothing twice."""
    REFUSED = "refused"
    """To send it again will not help."""


class MonitorClient:
    """One drift monitor, over connections that are kept."""

    def __init__(self, url: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        # It is inside the cluster: a proxy from the environment must not see these calls.
        self._client = httpx.Client(base_url=url, timeout=timeout, trust_env=False)

    def send(self, body: bytes) -> tuple[Reception, str]:
        """POST a batch; the reception, and why in words. Raises nothing of the network's."""
        try:
            answer = self._client.post(RECORDS_PATH, content=body, headers={"content-type": RECORDS_MEDIA_TYPE})
        except httpx.HTTPError as error:
            return Reception.NOT_NOW, f"{type(error).__name__}: {error}"
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return Reception.ACKNOWLEDGED, ""
        reason = f"{answer.url} answered {answer.status_code}: {answer.text[:300]}"
        if answer.is_server_error or answer.status_code in _WORTH_WAITING:
            return Reception.NOT_NOW, reason
        return Reception.REFUSED, reason

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
