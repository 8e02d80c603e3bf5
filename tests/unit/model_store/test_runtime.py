"""Whose fault it is that onnxruntime does not load or run a model."""

import pytest

from penstock_model_store.errors import (
    IngestError,
    InvalidGraph,
    MemoryLimitExceeded,
    RuntimeLacks,
    StoreFull,
    UnsupportedOperator,
    UnsupportedOpset,
)
from penstock_model_store.runtime import load_error

_LOCALE = (
    "[ONNXRuntimeError] : 1 : FAIL : Exception during initialization: /onnxruntime_src/onnxruntime/core/string.cc:235 "
    "Locale::Locale(const std::string&)::<lambda()> Failed to construct locale with name:de_AT.UTF-8:"
    "locale::facet::_S_create_c_locale name not valid:Please, install necessary language-pack-XX"
)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (_LOCALE, RuntimeLacks),
        ("libcublas.so.12: cannot open shared object file: No such file or directory", RuntimeLacks),
        ("filesystem error: cannot create temporary file: Read-only file system", RuntimeLacks),
        ("pthread_create failed: Resource temporarily unavailable", RuntimeLacks),
        ("write failed: No space left on device", StoreFull),
        ("std::bad_alloc", MemoryLimitExceeded),
        ("NOT_IMPLEMENTED : Could not find an implementation for Gelu(20) node", UnsupportedOperator),
        ("ONNX Runtime only guarantees support for ... ValidateOpsetForDomain", UnsupportedOpset),
        ("INVALID_GRAPH : This is an invalid model", InvalidGraph),
    ],
)
def test_what_the_machine_lacks_is_not_said_of_the_model(said: str, kind: type[IngestError]) -> None:
    error = load_error("model.onnx", RuntimeError(said))

    assert type(error) is kind


def test_a_missing_locale_is_named_and_the_model_is_not_blamed() -> None:
    message = str(load_error("model.onnx", RuntimeError(_LOCALE)))

    assert "the locale de_AT.UTF-8" in message
    assert "export" not in message


def test_an_operator_that_is_not_run_comes_with_the_version_that_does_not_run_it() -> None:
    message = str(load_error("model.onnx", RuntimeError("NOT_IMPLEMENTED : Gelu(20)")))

    assert "Gelu(20)" in message
    assert "onnxruntime 1." in message
