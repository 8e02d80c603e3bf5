"""A model as the cluster would take it: checked by the model store's own code, loaded by the predictor's own."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.commands.located_model import LocatedModel
from penstock.errors import ExtraMissing, StoreRefusal

if TYPE_CHECKING:
    from penstock_model_store.rehearsal import Rehearsed

_EXTRA = "local"


def rehearsed(model: LocatedModel, workplace: Path) -> "Rehearsed":
    """Have the store take a model in, here. Raises StoreRefusal with what it says, ExtraMissing."""
    rehearsal: Any = cluster_module("penstock_model_store.rehearsal")
    errors: Any = cluster_module("penstock_model_store.errors")
    try:
        taken: Rehearsed = rehearsal.rehearse(
            model.place, workplace, rehearsal.usual_limits(workplace), model=model.name, version=model.version
        )
    except errors.IngestError as error:
        raise StoreRefusal(f"{error.reason}: {error}") from error
    return taken


def cluster_module(name: str) -> Any:
    """Import code of a part that runs in the cluster. Raises ExtraMissing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ExtraMissing(
            f"`penstock check` and `penstock serve` run the model store's and the predictor's own code, which is not "
            f"installed here ({error}): pip install 'penstock-sdk[{_EXTRA}]'. It asks for certain versions: where they "
            f"do not fit, uvx --from 'penstock-sdk[{_EXTRA}]' penstock runs it by itself"
        ) from error
