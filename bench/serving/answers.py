"""Whether a server's answers are onnxruntime's."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.serving.contestants import Running
from bench.serving.models import Array
from bench.serving.servers import ask
from bench.serving.wires import Answer

EXAMPLES = 16
RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""Of probabilities: a run with other rows beside may add up in another order. Labels must be equal."""


def wrong_answers(running: Running, rows: int) -> list[str]:
    """Return what is wrong with each answer to some examples; empty: nothing."""
    wire, model = running.server.wires[running.model.name], running.model
    names = [output.name for output in model.session.get_outputs()]
    problems = []
    for number, example in enumerate(model.examples(EXAMPLES, rows), 1):
        reply = ask(running.url, wire.encode(example))
        expected = dict(zip(names, model.session.run(None, {model.input: example}), strict=True))
        try:
            problem = _differs(wire.decode(reply.content, reply.headers), expected)
        except (KeyError, TypeError, ValueError) as error:
            problem = f"{reply.content[:200]!r} cannot be read: {error!r}"
        if problem:
            problems.append(f"example {number}: {problem}")
    return problems


def _differs(answer: Answer, expected: Mapping[str, Array]) -> str:
    if set(answer) != set(expected):
        return f"has {sorted(answer)}, not {sorted(expected)}"
    return "; ".join(f"{name} differs" for name, right in expected.items() if not same_values(answer[name], right))


def same_values(given: Any, right: NDArray[Any]) -> bool:
    """Whether values in any shape are these: labels equal, probabilities near."""
    values = np.asarray(given)
    if values.size != right.size:
        return False
    if right.dtype.kind != "f":
        return bool((values.ravel() == right.ravel()).all())
    return bool(np.allclose(values.ravel(), right.ravel(), rtol=RELATIVE, atol=ABSOLUTE))
