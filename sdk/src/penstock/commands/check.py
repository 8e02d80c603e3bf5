"""`penstock check`: what the model store and the predictor would say of a model."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from penstock.commands.located_model import located
from penstock.commands.rehearsed_model import cluster_module, rehearsed
from penstock.errors import StoreRefusal

if TYPE_CHECKING:
    from penstock_contracts.model_card import ModelCard, TensorSpec

_MIB = 2**20


@click.command()
@click.argument("model")
def check(model: str) -> None:
    """Say what the cluster would say of MODEL: an .onnx file, a folder that MLflow logged, or models:/name/version.

    Ends with 1 where it would be refused.
    """
    with located(model) as found, TemporaryDirectory(prefix="penstock-") as folder:
        workplace = Path(folder)
        taken = rehearsed(found, workplace)
        click.echo(f"The model store takes {model}: {taken.card.digest}")
        for line in (*_card_lines(taken.card), *_loaded_lines(taken.folder)):
            click.echo(f"  {line}")


def _card_lines(card: "ModelCard") -> Iterator[str]:
    yield f"inputs     {', '.join(map(_shown, card.inputs))}"
    yield f"outputs    {', '.join(map(_shown, card.outputs))}"
    if card.columns:
        yield f"columns    {', '.join(f'{column.name} ({column.type})' for column in card.columns)}"
    if card.features:
        keys = ", ".join(f"{name} ({kind})" for name, kind in card.features.entities.items())
        yield f"features   {', '.join(card.features.columns)}: looked up by {keys}"
    yield f"golden     {_GOLDEN[card.golden.source.name]}"
    if card.cost:
        memory = f", {card.cost.memory_bytes / _MIB:.0f} MiB" if card.cost.memory_bytes is not None else ""
        milliseconds = card.cost.golden_seconds * 1e3
        yield f"cost       {card.cost.load_seconds:.3g} s to load, {milliseconds:.3g} ms a request{memory}"
    yield f"reference  {card.reference_path or 'none: drift cannot be found; penstock.log_model adds one'}"


_GOLDEN = {
    "INPUT_EXAMPLE": "the input example, which every pod must answer alike before it is ready",
    "SIGNATURE": "a guessed request; an input example would prove more: input_example= or penstock.log_model",
}


def _shown(tensor: "TensorSpec") -> str:
    return f"{tensor.name} {tensor.datatype}{list(tensor.shape)}"


def _loaded_lines(folder: Path) -> Iterator[str]:
    """What the predictor makes of it. Raises StoreRefusal where no pod of it would get ready."""
    loading: Any = cluster_module("penstock_predictor.model.loading")
    settings: Any = cluster_module("penstock_predictor.settings")
    errors: Any = cluster_module("penstock_predictor.errors")
    source = loading.ModelSource.of(settings.PredictorSettings(model_dir=folder))
    try:
        loaded = loading.load_model(source, report=lambda _: None)
    except errors.StartError as error:
        raise StoreRefusal(f"the predictor cannot serve it: {error}") from error
    reason = getattr(loaded.model.columns, "reason", None)
    rows = "takes rows by name" if loaded.card.columns else "takes rows as lists"
    yield f"/predict   {f'not possible: {reason}' if reason else rows}"
    together = f"up to {loaded.rows_a_run} rows of several requests in a run"
    yield f"batching   {together if loaded.batching.possible else f'none: {loaded.batching.reason}'}"
