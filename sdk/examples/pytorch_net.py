"""A net of PyTorch. Serving adds what forward does not: names of the columns."""

import torch
from transactions import NUMBERS, draw

payments, y = draw(4000, seed=1)
X = payments[NUMBERS].fillna(900)
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.BatchNorm1d(len(NUMBERS)),
    torch.nn.Linear(len(NUMBERS), 16),
    torch.nn.ReLU(),
    torch.nn.Dropout(0.2),
    torch.nn.Linear(16, 2),
    torch.nn.Softmax(dim=1),
)
rows, truth = torch.tensor(X.to_numpy("float32")), torch.tensor(y.to_numpy())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(200):
    optimizer.zero_grad()
    torch.nn.functional.nll_loss(torch.log(model(rows) + 1e-9), truth).backward()
    optimizer.step()

# What serving it takes:
import penstock  # noqa: E402

penstock.log_model(model, name="pytorch-net", X=X, y=y, alias="champion")
