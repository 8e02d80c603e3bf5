"""A pipeline of scikit-learn with text, categories, and numbers that are missing here and there."""

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from transactions import NUMBERS, draw

X, y = draw(4000, seed=1)
columns = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        ("categories", OneHotEncoder(handle_unknown="ignore"), ["country", "abroad"]),
        ("text", CountVectorizer(), "note"),
    ]
)
model = make_pipeline(columns, RandomForestClassifier(100, random_state=0)).fit(X, y)

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model(model, name="random-forest", X=X, y=y, alias="champion")
