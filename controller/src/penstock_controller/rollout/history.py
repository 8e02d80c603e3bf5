"""The decision records that are kept: a bounded number of them, newest first."""

from penstock_contracts.api.status import Completion, DecisionRecord

_LAST_SERVED = 2
"""What serves, and what served before: `undo` needs its record, however many attempts failed since."""


def bounded(records: tuple[DecisionRecord, ...], limit: int) -> tuple[DecisionRecord, ...]:
    """At most so many of the records, which are in order. The newest always; older ones leave before what served."""
    newest, older = records[:1], records[1:]
    first: dict[str, DecisionRecord] = {}
    for record in records:
        if record.completion is Completion.PROMOTED:
            first.setdefault(record.digest, record)
    served = [record for record in list(first.values())[:_LAST_SERVED] if record not in newest]
    others = [record for record in older if record not in served]
    chosen = [*newest, *served, *others][:limit]
    return tuple(record for record in records if record in chosen)
