"""Which variables a query may have, and what becomes of them."""

import re

import pytest

from penstock_contracts.api.query_template import QUERY_VARIABLES, TEMPLATE, filled

RULE = re.compile(TEMPLATE[0].removeprefix("self.matches('").removesuffix("')"))


@pytest.mark.parametrize(
    "query",
    [
        "1",
        'sum(rate(errors_total{revision="{{ candidateRevision }}"}[1m]))',
        'x{name="{{name}}",namespace="{{namespace}}"}[{{ attemptAge }}]',
        'x{a="b"} / on () y{c=~"d{2}"}',
        "x{}\n/\ny{}",
        *(f"x[{{{{ {name} }}}}]" for name in QUERY_VARIABLES),
    ],
)
def test_a_query_with_known_variables_is_taken(query: str) -> None:
    assert RULE.match(query)
    assert "{{" not in filled(query, dict.fromkeys(QUERY_VARIABLES, "v"))


@pytest.mark.parametrize(
    "query",
    [
        "{{ pod }}",
        "{{name",
        "{{ name }",
        "{{ name | upper }}",
        "{{}}",
        "{{{name}}}",
        "{{ Name }}",
        "{{ name-2 }}",
        "x{{{",
    ],
)
def test_a_query_with_anything_else_in_double_braces_is_refused(query: str) -> None:
    assert not RULE.match(query)
