"""The variables of a PromQL template, as in `rate(errors_total{revision="{{ candidateRevision }}"}[{{ stepAge }}])`."""

import re
from collections.abc import Mapping

QUERY_VARIABLES: Mapping[str, str] = {
    "namespace": "of the resource",
    "name": "of the resource",
    "candidateRevision": "revision that is judged: the candidate; in the bake, stable",
    "candidateVersion": "its version in the registry",
    "stableRevision": "revision beside it: stable; in the bake, the one before",
    "stableVersion": "its version in the registry",
    "attempt": "number of the attempt",
    "attemptStart": "when the attempt began: seconds since 1970",
    "attemptAge": "time since then as PromQL writes it, such as 95s: for a range that reaches back no further",
    "stepAge": "time since the current step, or the bake, was reached",
    "interval": "spec.analysis.interval",
}
"""Each variable with what it is. Revisions are labels of the predictors' metrics and part of their pods' names."""

_NAMES = "|".join(QUERY_VARIABLES)
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

TEMPLATE = (
    # Two braces in a row are no PromQL outside of texts: what is no variable that is known here is a mistake.
    rf"self.matches('^([^{{]|[{{][^{{]|[{{][{{] *({_NAMES}) *[}}][}}])*$')",
    f"a variable in {{{{ }}}} is not known; these are: {', '.join(QUERY_VARIABLES)}",
)
"""Rule for the API server: a template names no variable that is not known."""


def filled(template: str, values: Mapping[str, str]) -> str:
    """The query with the variables' values. One that has no value stays as it is."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), template)
