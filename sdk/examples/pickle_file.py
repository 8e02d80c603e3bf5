"""A model that somebody pickled. Opening it runs code from it, so the script says that it may."""

import pickle
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transactions import NUMBERS, draw

payments, y = draw(4000, seed=1)
X = payments[NUMBERS].fillna(900)
Path("fraud.pkl").write_bytes(pickle.dumps(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)))

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model("fraud.pkl", trust_pickle=True, name="pickle-file", X=X, y=y, alias="champion")
