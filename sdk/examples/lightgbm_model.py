"""A classifier of LightGBM. Missing numbers stay missing."""

from lightgbm import LGBMClassifier
from transactions import NUMBERS, draw

payments, y = draw(4000, seed=1)
X = payments[NUMBERS]
model = LGBMClassifier(n_estimators=100, verbose=-1).fit(X, y)

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model(model, name="lightgbm-model", X=X, y=y, alias="champion")
