"""A model that somebody saved with joblib. Opening it runs code from it, so the script says that it may."""

import joblib
from sklearn.ensemble import GradientBoostingClassifier
from transactions import NUMBERS, draw

payments, y = draw(4000, seed=1)
X = payments[NUMBERS].fillna(900)
joblib.dump(GradientBoostingClassifier(random_state=0).fit(X, y), "fraud.joblib")

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model("fraud.joblib", trust_pickle=True, name="joblib-file", X=X, y=y, alias="champion")
