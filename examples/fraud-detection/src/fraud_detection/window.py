"""What users sent and what became of it: the labelled rows that the drift monitor keeps."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
import requests

from fraud_detection.data import CATEGORICAL, DECIMAL, FEATURES, INTEGER, LABEL

MOST_ROWS = 100_000
"""Asked for at most: the newest ones."""
MOST_BYTES = 256 * 2**20
SECONDS = (5.0, 60.0)
"""To connect, and between two pieces of the answer."""
OLDER = 4 / 5
"""Share of the rows, the older ones, that is trained on. The newest fifth judges."""
AT = "at"


class WindowError(Exception):
    """The window cannot be had or read; the message says where, why and what to do."""


class TooFewLabels(Exception):
    """There is not enough truth to learn from or to judge by. That is neither a success nor a failure."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a window must have."""

    rows: int = 500
    """With a label."""
    positives: int = 20
    """Frauds among the rows that judge; as many rows that are none."""


@dataclass(frozen=True, kw_only=True)
class LabelledWindow:
    """Labelled transactions in the order in which they were answered: columns FEATURES and LABEL."""

    training: pd.DataFrame
    """The older four fifths."""
    judging: pd.DataFrame
    """The newest fifth: no model has seen it."""
    first: str
    last: str
    """When the first and the last row were answered (RFC 3339)."""
    unreadable: int
    """Rows that were left out: a value is missing or none of the column's kind, or the label is neither 0 nor 1."""

    @property
    def rows(self) -> int:
        """All that can be used."""
        return len(self.training) + len(self.judging)


def fetch_window(url: str, need: Need) -> LabelledWindow:
    """Fetch and read the window. Raises WindowError and TooFewLabels."""
    return read_window(_fetched(url), url, need)


def read_window(body: bytes, url: str, need: Need) -> LabelledWindow:
    """Read the monitor's CSV. `url` stands in messages. Raises WindowError and TooFewLabels."""
    try:
        table = pd.read_csv(io.BytesIO(body), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:  # what is no UTF-8 is a ValueError too
        raise WindowError(f"{url} answered no CSV ({error}): does it name the drift monitor?") from error
    if len(table) == 0:
        raise TooFewLabels(
            f"{url} has no labels: send the truth to the monitor's /v1/labels, with the x-request-id of each answer"
        )
    missing = [name for name in (AT, *FEATURES, LABEL) if name not in table]
    if missing:
        raise WindowError(
            f"{url} has no column {', '.join(missing)}: what predictor.logger excludes cannot be trained on"
        )
    typed = _typed(table)
    usable = typed.dropna().sort_values(AT, kind="stable")
    if len(usable) < max(need.rows, 2):
        raise TooFewLabels(
            f"{url} has {len(usable)} labelled rows that can be read and {len(typed) - len(usable)} that cannot, "
            f"{need.rows} are needed (--min-rows): send more labels, or wait"
        )
    kept = usable[[*FEATURES, LABEL]].astype(dict.fromkeys((*INTEGER, LABEL), "int64")).reset_index(drop=True)
    cut = int(len(kept) * OLDER)
    window = LabelledWindow(
        training=kept.iloc[:cut],
        judging=kept.iloc[cut:],
        first=_text(usable[AT].iloc[0]),
        last=_text(usable[AT].iloc[-1]),
        unreadable=len(typed) - len(usable),
    )
    _require_both_classes(window, url, need)
    return window


def require_known_values(window: LabelledWindow, known: pd.DataFrame) -> None:
    """Raise WindowError for a column of which no value was ever seen: it is a hash, not the value itself."""
    for name in CATEGORICAL:
        if set(window.training[name]).isdisjoint(known[name].astype(str)):
            raise WindowError(
                f"no value of {name} in the window occurs in the champion's sample (for example "
                f"{window.training[name].iloc[0]!r}): what predictor.logger hashes cannot be trained on"
            )


def _fetched(url: str) -> bytes:
    with (
        _named_failures(url),
        requests.get(
            url,
            params={"labelled": "true", "limit": str(MOST_ROWS)},
            headers={"accept": "text/csv"},
            timeout=SECONDS,
            stream=True,
        ) as answer,
    ):
        if answer.status_code != requests.codes.ok:
            raise WindowError(f"{url} answered {answer.status_code}: {answer.raw.read(500, decode_content=True)!r}")
        body = bytearray()
        for chunk in answer.iter_content(2**16):
            body += chunk
            if len(body) > MOST_BYTES:
                raise WindowError(f"{url} answered more than {MOST_BYTES} bytes: is it the drift monitor?")
    return bytes(body)


@contextmanager
def _named_failures(url: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise WindowError(
            f"the drift monitor does not answer at {url}: {error}. Is it up, and does PENSTOCK_WINDOW_URL (or "
            "--window-url) name it?"
        ) from error


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Read each column as its kind; what is none of it becomes missing."""
    columns: dict[str, pd.Series] = {AT: pd.to_datetime(table[AT], format="ISO8601", utc=True, errors="coerce")}
    for name in (*DECIMAL, *INTEGER, LABEL):
        numbers = pd.to_numeric(table[name], errors="coerce")
        columns[name] = numbers.where(numbers.abs() != float("inf"))
    for name in INTEGER:
        columns[name] = columns[name].where(columns[name] % 1 == 0)
    columns[LABEL] = columns[LABEL].where(columns[LABEL].isin([0, 1]))
    for name in CATEGORICAL:
        columns[name] = table[name].where(table[name] != "")
    return pd.DataFrame(columns)


def _require_both_classes(window: LabelledWindow, url: str, need: Need) -> None:
    frauds = int(window.judging[LABEL].sum())
    others = len(window.judging) - frauds
    least = max(1, need.positives)
    if min(frauds, others) < least:
        raise TooFewLabels(
            f"{url}: the newest fifth of the labelled rows has {frauds} frauds and {others} others, of each "
            f"{least} are needed to tell two models apart (--min-positives): send more labels, or wait"
        )
    if window.training[LABEL].nunique() < len((0, 1)):
        raise TooFewLabels(f"{url}: the older four fifths of the labelled rows are all of one class: send more labels")


def _text(at: pd.Timestamp) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
