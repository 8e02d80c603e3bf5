"""How a predictor pod is told to record its predictions. Built without I/O."""

from typing import Any

from penstock_contracts.api.logger import Logger, LoggerMode
from penstock_contracts.names import LABEL_REVISION

Variable = dict[str, Any]


def recorded_to(logger: Logger | None, name: str, monitor_url: str) -> tuple[Variable, ...]:
    """The environment of the container that computes; empty: nothing is recorded, or nobody takes records.

    `name`: of the ModelDeployment. `monitor_url`: of the drift monitor; empty: none is installed.
    """
    if logger is None or logger.mode is LoggerMode.NONE or not monitor_url:
        return ()
    lists = {"PENSTOCK_RECORDS_EXCLUDE": logger.exclude, "PENSTOCK_RECORDS_HASH": logger.hash}
    return (
        _is("PENSTOCK_RECORDS_URL", monitor_url),
        # A template that is hashed for the revision's name can have neither that name nor a namespace in it.
        _from_pod("PENSTOCK_RECORDS_NAMESPACE", "metadata.namespace"),
        _is("PENSTOCK_RECORDS_NAME", name),
        _from_pod("PENSTOCK_RECORDS_REVISION", f"metadata.labels['{LABEL_REVISION}']"),
        _is("PENSTOCK_RECORDS_SAMPLE_RATE", f"{logger.sample_rate:g}"),
        *(_is(variable, ",".join(columns)) for variable, columns in lists.items() if columns),
    )


def _is(name: str, value: str) -> Variable:
    return {"name": name, "value": value}


def _from_pod(name: str, field: str) -> Variable:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}
