"""A plugin of mypy: `evolve(model, field=value)` takes the fields of the model's class, each with its own type."""

from collections.abc import Callable

from mypy.nodes import ARG_NAMED_OPT, ARG_POS, TypeInfo, Var
from mypy.plugin import FunctionSigContext, Plugin
from mypy.types import FunctionLike, Instance, Type, get_proper_type

_EVOLVE = "penstock_contracts.base.evolve"
_MODEL = "pydantic.main.BaseModel"


class EvolvePlugin(Plugin):
    """Stands beside pydantic's own plugin, which notes the fields of each class."""

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Of `evolve` only."""
        return _signature if fullname == _EVOLVE else None


def _signature(context: FunctionSigContext) -> FunctionLike:
    """The model first; then its class's fields by name, all of them optional."""
    model = get_proper_type(context.api.get_expression_type(context.args[0][0])) if context.args[0] else None
    if not isinstance(model, Instance) or not model.type.has_base(_MODEL):
        context.api.fail(f"evolve takes one model, not {model}", context.context)
        return context.default_signature
    names, types = _fields(model.type)
    return context.default_signature.copy_modified(
        arg_types=[model, *types],
        arg_kinds=[ARG_POS, *[ARG_NAMED_OPT] * len(names)],
        arg_names=[None, *names],
        ret_type=model,
        variables=[],
    )


def _fields(model: TypeInfo) -> tuple[list[str], list[Type]]:
    """Names and types of a model's fields, as pydantic's plugin has found them."""
    names, types = [], []
    for name in model.metadata["pydantic-mypy-metadata"]["fields"]:
        symbol = model.get(name)
        if symbol and isinstance(symbol.node, Var) and symbol.node.type:
            names.append(name)
            types.append(symbol.node.type)
    return names, types


def plugin(_version: str) -> type[Plugin]:
    """What mypy asks for."""
    return EvolvePlugin
