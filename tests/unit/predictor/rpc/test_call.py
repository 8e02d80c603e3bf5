from itertools import chain

import pytest
from grpc import StatusCode

from penstock_predictor.errors import RequestError
from penstock_predictor.rpc.call import grpc_code


def kinds(base: type[RequestError]) -> list[type[RequestError]]:
    return [base, *chain.from_iterable(kinds(kind) for kind in base.__subclasses__())]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, StatusCode.INVALID_ARGUMENT),
        (404, StatusCode.NOT_FOUND),
        (413, StatusCode.RESOURCE_EXHAUSTED),
        (422, StatusCode.INVALID_ARGUMENT),
        (429, StatusCode.RESOURCE_EXHAUSTED),
        (499, StatusCode.CANCELLED),
        (500, StatusCode.INTERNAL),
        (503, StatusCode.UNAVAILABLE),
        (504, StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_a_refusal_has_the_code_that_grpc_clients_act_on(status: int, code: StatusCode) -> None:
    assert grpc_code(status) is code


@pytest.mark.parametrize("kind", kinds(RequestError))
def test_no_refusal_is_left_without_a_code(kind: type[RequestError]) -> None:
    assert grpc_code(kind.status) is not StatusCode.UNKNOWN
