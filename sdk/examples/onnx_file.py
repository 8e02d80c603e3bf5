"""A model that is ONNX already. Serving adds what the file lacks: names of the columns, an example, a sample."""

from pathlib import Path

from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transactions import NUMBERS, draw

payments, y = draw(4000, seed=1)
X = payments[NUMBERS].fillna(900).astype("float32")
net = MLPClassifier((16,), max_iter=200, random_state=0)
model = make_pipeline(StandardScaler(), net).fit(X.to_numpy(), y)
graph = to_onnx(model, X.to_numpy()[:1], options={"zipmap": False}, target_opset=21)
Path("fraud.onnx").write_bytes(graph.SerializeToString())

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model("fraud.onnx", name="onnx-file", X=X, y=y, alias="champion")
