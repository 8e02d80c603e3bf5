import json

import numpy as np
import pandas as pd
import pytest

from fraud_detection.data import CATEGORICAL, FEATURES, INTEGER, LABEL, instances, label, labelled, transactions


def test_equal_seeds_draw_equal_rows_and_labels() -> None:
    pd.testing.assert_frame_equal(labelled(500, seed=7), labelled(500, seed=7))


def test_other_seeds_draw_other_rows() -> None:
    assert not labelled(500, seed=7).equals(labelled(500, seed=8))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fraud_is_rare(seed: int) -> None:
    assert 0.02 <= labelled(40_000, seed=seed)[LABEL].mean() <= 0.03


def test_a_transaction_has_the_columns_of_the_signature_in_their_order_and_no_gaps() -> None:
    frame = transactions(2000, seed=1)
    assert tuple(frame.columns) == FEATURES
    assert not frame.isna().to_numpy().any()
    assert all(frame[name].dtype == np.int64 for name in INTEGER)
    assert frame["hour_of_day"].between(0, 23).all()
    assert (frame["amount"] > 0).all()
    assert all(isinstance(value, str) for name in CATEGORICAL for value in frame[name])


def test_a_card_is_read_at_terminals_only() -> None:
    frame = transactions(5000, seed=1)
    assert ((frame["device_type"] == "terminal") == (frame["card_entry"] != "online")).all()


def test_labels_of_live_traffic_are_those_of_its_own_rows_and_seed() -> None:
    live = transactions(3000, seed=5, drift=0.5)
    truth = label(live, seed=5, drift=0.5)
    assert np.array_equal(truth, labelled(3000, seed=5, drift=0.5)[LABEL])
    assert set(truth) == {0, 1}


def test_drift_moves_features_the_more_the_higher_it_is() -> None:
    online = [(transactions(20_000, seed=3, drift=d)["card_entry"] == "online").mean() for d in (0.0, 0.5, 1.0)]
    assert online[0] + 0.05 < online[1] < online[2] - 0.05


@pytest.mark.parametrize("drift", [-0.1, 1.1, float("nan")])
def test_a_drift_outside_of_its_range_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match="between 0"):
        transactions(1, seed=1, drift=drift)


def test_instances_are_the_drawn_rows_as_json_values() -> None:
    drawn = transactions(20, seed=4)
    read_back = pd.DataFrame(json.loads(json.dumps(instances(20, seed=4))))
    pd.testing.assert_frame_equal(read_back, drawn, check_dtype=False)
    assert isinstance(instances(1, seed=4)[0]["hour_of_day"], int)
