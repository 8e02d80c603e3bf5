"""Labels, as a company's chargebacks tell them: the truth about what users asked, some time after the answer."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx

from penstock_contracts.labels import LABELS_PATH, Label, LabelBatch, LabelOutcome
from penstock_testing.record import RequestRecord
from penstock_testing.recording import RecordingReader
from penstock_testing.side_work import SideWork

_PAUSE = 0.5
"""Seconds between two looks at the recording."""
_MOST = 5000
"""Labels in one request."""


class Truth(SideWork):
    """Sends the label of every answered request to the drift monitor, from entering the context until leaving it."""

    def __init__(
        self,
        monitor: str,
        namespace: str,
        name: str,
        *,
        recording: Path,
        labels: Sequence[int],
        late_by: float = 2.0,
    ) -> None:
        """`recording`: what the traffic's driver writes. `labels`: one for each question. `late_by`: seconds."""
        super().__init__()
        self._url = f"{monitor}{LABELS_PATH}"
        self._namespace, self._name = namespace, name
        self._recording, self._labels, self._late_by = recording, labels, late_by
        self._known: list[tuple[float, Label]] = []
        self.outcomes: Counter[str] = Counter()
        """What the monitor made of them, by outcome."""
        self.unsent = 0
        """Requests of labels that the monitor did not take at first; they are sent again."""

    def _work(self) -> None:
        reader = RecordingReader(self._recording)
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._over.wait(_PAUSE):
                self._known += [
                    (entry.ended.unix, Label(id=entry.request_id, label=self._labels[entry.question]))
                    for entry in reader.entries()
                    if isinstance(entry, RequestRecord) and entry.request_id and not entry.failure
                ]
                self._send(client)
        reader.close()

    def _send(self, client: httpx.Client) -> None:
        until = time.time() - self._late_by
        due = tuple(label for at, label in self._known if at <= until)[:_MOST]
        if not due:
            return
        batch = LabelBatch(namespace=self._namespace, name=self._name, labels=due)
        try:
            answer = client.post(self._url, json=batch.model_dump(mode="json")).raise_for_status()
        except httpx.HTTPError:
            self.unsent += 1
            return
        # Records are in the order of their ends, so those that were due are the first.
        del self._known[: len(due)]
        self.outcomes.update(LabelOutcome.model_validate_json(answer.content).model_dump(exclude={"examples"}))
