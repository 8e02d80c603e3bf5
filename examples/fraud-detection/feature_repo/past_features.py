"""Features as they were at past moments, without what Feast's `get_historical_features` loses.

It drops rows whose features are older than the view's ttl, and all but one row of the same entity at the same time,
both without a word; the rest it returns in another order. So each view is asked by itself, once for each entity and
time, and what comes back is joined to the rows by a key of ours.
"""

import pandas as pd
from feast import FeatureStore, FeatureView

EVENT_TIME = "event_timestamp"
_MOMENT = "moment"
"""Carried through Feast: it returns rows in an order of its own."""


def known_at(
    store: FeatureStore, view: FeatureView, names: list[str], events: pd.DataFrame, *, as_written: bool = True
) -> pd.DataFrame:
    """One view's features for events, in their order and under their index; missing where there were none.

    `events`: the view's join keys and EVENT_TIME. `as_written`: leave out what was written after an event's time,
    though it was true before: nobody could have served it.
    """
    asked_by = [*(column.name for column in view.entity_columns), EVENT_TIME]
    moments = events[asked_by].drop_duplicates().reset_index(drop=True).rename_axis(_MOMENT).reset_index()
    references = [f"{view.name}:{name}" for name in names]
    found: pd.DataFrame = store.get_historical_features(
        entity_df=moments, features=references, filter_by_created_timestamp=as_written
    ).to_df()
    known = moments.merge(found[[_MOMENT, *names]], on=_MOMENT, how="left", validate="one_to_one")
    rows: pd.DataFrame = events[asked_by].merge(known, on=asked_by, how="left", validate="many_to_one")
    return rows[names].set_index(events.index)
