"""`deployment`: the resource that has a registered model served."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from penstock.errors import DeploymentRefused
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, KIND, VERSION


def deployment(
    name: str,
    *,
    namespace: str,
    model: str | None = None,
    alias: str | None = None,
    version: str | int | None = None,
    connection: str | None = None,
    file: str | Path | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Write a ModelDeployment: what `kubectl apply` takes.

    `model`: the registered model, `name` where it is not given. `alias`: the version that it names is served, and each
    move of it starts a rollout; or `version`: that one stays. `connection`: the registry, where it is not the default.
    `spec`: further parts of the resource's spec by their names in YAML, such as `predictor={"minReplicas": 4}` or
    `drift={}`. `file`: also write the YAML there.

    Raises DeploymentRefused, which names each field at fault. What fields may stand together only the cluster checks.
    """
    if (alias is None) == (version is None):
        raise DeploymentRefused("give exactly one of alias (follow it) and version (stay at it)")
    given = {
        "connection": connection,
        "model": model or name,
        "alias": alias,
        "version": None if version is None else str(version),
    }
    resource = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"registry": {field: value for field, value in given.items() if value is not None}, **spec},
    }
    _check(resource["spec"])
    if file is not None:
        Path(file).write_text(yaml.safe_dump(resource, sort_keys=False))
    return resource


def _check(spec: object) -> None:
    try:
        ModelDeploymentSpec.model_validate(spec)
    except ValidationError as error:
        problems = [
            f"spec.{'.'.join(map(str, problem['loc']))}: {problem['msg']}, not {problem['input']!r:.80}"
            for problem in error.errors(include_url=False)
        ]
        raise DeploymentRefused(f"{'; '.join(problems)}. docs/reference/modeldeployment.md has every field") from error
