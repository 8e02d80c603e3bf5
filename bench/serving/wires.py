"""How each server is asked for a model's answer, and how its reply is read."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bench.serving.models import Array

Answer = Mapping[str, Any]
"""The model's outputs by name."""
JSON_TYPE, BINARY_TYPE = "application/json", "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class SentBody:
    """What is sent."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON_TYPE})


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One server's form for one model."""

    path: str
    form: str
    """In a few words, for the report."""
    encode: Callable[[Array], SentBody]
    decode: Callable[[bytes, Mapping[str, str]], Answer]
    """From the reply's body and its headers in small letters."""


def rows_json(path: str) -> Wire:
    """`{"rows": [[...], ...]}`, answered by `{"label": [...], "probabilities": [[...], ...]}`."""

    def encode(rows: Array) -> SentBody:
        return SentBody(content=json.dumps({"rows": _numbers(rows)}).encode())

    return Wire(path=path, form="JSON rows", encode=encode, decode=lambda reply, _: json.loads(reply))


def listed_json(path: str) -> Wire:
    """The same body, answered by `[{"label": ..., "probabilities": [...]}, ...]`."""

    def decode(reply: bytes, _: Mapping[str, str]) -> Answer:
        rows = json.loads(reply)
        return {name: [row[name] for row in rows] for name in ("label", "probabilities")}

    return replace(rows_json(path), decode=decode)


def raw_bytes(path: str) -> Wire:
    """The tensor's own bytes, both ways."""

    def encode(image: Array) -> SentBody:
        return SentBody(content=image.tobytes(), headers={"Content-Type": BINARY_TYPE})

    def decode(reply: bytes, _: Mapping[str, str]) -> Answer:
        return {"probabilities": np.frombuffer(reply, np.float32).reshape(-1, 10)}

    return Wire(path=path, form="raw bytes", encode=encode, decode=decode)


def rows_base64(path: str) -> Wire:
    """The tensor's bytes as base64 in JSON: for a server without a binary form."""

    def encode(image: Array) -> SentBody:
        return SentBody(content=json.dumps({"tensor": base64.b64encode(image.tobytes()).decode()}).encode())

    return Wire(path=path, form="base64 in JSON", encode=encode, decode=lambda reply, _: json.loads(reply))


def v2_json(path: str, tensor: str) -> Wire:
    """Open Inference Protocol V2."""

    def encode(rows: Array) -> SentBody:
        return SentBody(content=json.dumps({"inputs": [{**_described(tensor, rows), "data": _flat(rows)}]}).encode())

    return Wire(path=path, form="V2 JSON", encode=encode, decode=lambda reply, _: _v2_outputs(json.loads(reply)))


def v2_base64(path: str, tensor: str) -> Wire:
    """V2 JSON with a tensor of bytes in base64, as MLServer's codec `base64` reads it."""

    def encode(image: Array) -> SentBody:
        content = base64.b64encode(image.tobytes()).decode()
        described = {"name": tensor, "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"}}
        return SentBody(content=json.dumps({"inputs": [{**described, "data": [content]}]}).encode())

    return Wire(path=path, form="V2 base64", encode=encode, decode=lambda reply, _: _v2_outputs(json.loads(reply)))


def v2_binary(path: str, tensor: str) -> Wire:
    """V2 with its binary tensor extension, both ways."""

    def encode(image: Array) -> SentBody:
        content = image.tobytes()
        described = {**_described(tensor, image), "parameters": {"binary_data_size": len(content)}}
        head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
        headers = {"Content-Type": BINARY_TYPE, "Inference-Header-Content-Length": str(len(head))}
        return SentBody(content=head + content, headers=headers)

    def decode(reply: bytes, headers: Mapping[str, str]) -> Answer:
        length = int(headers.get("inference-header-content-length", len(reply)))
        return _v2_outputs(json.loads(reply[:length]), reply[length:])

    return Wire(path=path, form="V2 binary", encode=encode, decode=decode)


def _numbers(rows: Array) -> list[list[float]]:
    return [[round(float(number), 6) for number in row] for row in rows]


def _flat(rows: Array) -> list[float]:
    return [number for row in _numbers(rows) for number in row]


def _described(tensor: str, values: Array) -> dict[str, Any]:
    return {"name": tensor, "datatype": "FP32", "shape": list(values.shape)}


def _v2_outputs(reply: Mapping[str, Any], binary: bytes = b"") -> Answer:
    answer: dict[str, Any] = {}
    for output in reply["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.array(output["data"])
        else:
            values, binary = np.frombuffer(binary[:size], np.float32), binary[size:]
        answer[output["name"]] = values.reshape(output["shape"])
    return answer
