"""Which framework a model is of. No framework is imported to find out."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from penstock.errors import UnknownModel
from penstock.frameworks.convertible import Convertible

_KINDS: Mapping[str, tuple[str, str]] = {
    "sklearn": ("penstock.frameworks.scikit_learn", "ScikitLearnModel"),
}
"""The package whose class a model's own builds on, and what handles such models here. The first that fits is taken."""


def recognised(model: Any) -> Convertible:
    """Wrap a model for its framework. Raises UnknownModel."""
    packages = {each.__module__.partition(".")[0] for each in type(model).__mro__}
    for package, (module, name) in _KINDS.items():
        if package in packages:
            wrapped: Convertible = getattr(import_module(module), name)(model)
            return wrapped
    raise UnknownModel(
        f"a {type(model).__module__}.{type(model).__name__} is no model that can be converted: give an estimator or "
        "pipeline of scikit-learn"
    )
