"""A classifier of XGBoost. Missing numbers stay missing."""

from transactions import NUMBERS, draw
from xgboost import XGBClassifier

payments, y = draw(4000, seed=1)
X = payments[NUMBERS]
model = XGBClassifier(n_estimators=100).fit(X, y)

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model(model, name="xgboost-model", X=X, y=y, alias="champion")
