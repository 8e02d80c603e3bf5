"""What the feature store of the fraud detection example knows: users, cards, and two views of them.

`feast apply` reads this file. A view's ttl is how old a value may be in training; `training_set.py` writes it into
`features.json` as maxAge, so that serving keeps to it too: Feast's online server does not.
"""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
card = Entity(name="card", join_keys=["card_id"], value_type=ValueType.STRING)

user_features = FeatureView(
    name="user_features",
    entities=[user],
    ttl=timedelta(hours=26),
    schema=[
        Field(name="account_age_days", dtype=Int64),
        Field(name="failed_logins_last_7d", dtype=Int64),
    ],
    source=FileSource(
        path="data/user_features.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
)
transaction_features = FeatureView(
    name="transaction_features",
    entities=[card],
    ttl=timedelta(hours=3),
    schema=[
        Field(name="transactions_last_24h", dtype=Int64),
        Field(name="minutes_since_last_transaction", dtype=Float64),
        Field(name="card_country", dtype=String),
    ],
    source=FileSource(
        path="data/transaction_features.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
)
fraud_detector = FeatureService(name="fraud_detector", features=[user_features, transaction_features])
