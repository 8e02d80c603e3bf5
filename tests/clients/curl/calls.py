"""curl, as a person types it: JSON, JSON with gzip both ways, binary tensors from a file."""

import gzip
import json
import subprocess
from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock_testing.client_calls import SCALED, V2_NAMES, Array, ClientQuestion, Seen, Servers, Way, answered, tell

COMMAND = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30"]
LENGTH = "Inference-Header-Content-Length"
NUMPY_NAMES = {v2: numpy for numpy, v2 in V2_NAMES.items()}


def _curl(*arguments: str, body: bytes | None = None) -> bytes:
    sent = ["--data-binary", "@-"] if body is not None else []
    ended = subprocess.run([*COMMAND, *sent, *arguments], input=body, capture_output=True, timeout=60, check=False)
    if ended.returncode:
        raise ValueError(f"curl ended with {ended.returncode}: {ended.stdout.decode()} {ended.stderr.decode()}")
    return ended.stdout


def _encoded(array: Array) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    texts = [text.encode() for text in array.ravel().tolist()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _decoded(data: bytes, datatype: str) -> Array:
    if datatype != "BYTES":
        return np.frombuffer(data, NUMPY_NAMES[datatype])
    texts = []
    while data:
        length = int.from_bytes(data[:4], "little")
        texts.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    return np.array(texts, dtype=object)


@dataclass(frozen=True)
class Json:
    servers: Servers
    compressed: bool = False

    def health(self) -> Seen:
        base = f"http://{self.servers.http[SCALED]}/v2"
        paths = {"live": "/health/live", "ready": "/health/ready", "model": f"/models/{SCALED}/ready"}
        return {name: bool(_curl("--head", base + path)) for name, path in paths.items()}

    def metadata(self) -> Seen:
        base = f"http://{self.servers.http[SCALED]}/v2"
        server, model = json.loads(_curl(base)), json.loads(_curl(f"{base}/models/{SCALED}"))

        def tensors(listed: Any) -> list[Any]:
            return [[tensor["name"], tensor["datatype"], tensor["shape"]] for tensor in listed]

        return {"server": server["name"], "inputs": tensors(model["inputs"]), "outputs": tensors(model["outputs"])}

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        body = json.dumps(
            _request(question, request_id) | {"inputs": [_json(*item) for item in question.feeds.items()]}
        )
        arguments = ["--header", "content-type: application/json", _url(self.servers, question)]
        if self.compressed:
            arguments += ["--compressed", "--header", "content-encoding: gzip"]
        sent = gzip.compress(body.encode()) if self.compressed else body.encode()
        answer = json.loads(_curl(*arguments, body=sent))
        return answered(answer["id"], {output["name"]: _read(output) for output in answer["outputs"]})


@dataclass(frozen=True)
class Binary(Json):
    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        tails = {name: _encoded(array) for name, array in question.feeds.items()}
        inputs = [
            _tensor(name, array) | {"parameters": {"binary_data_size": len(tails[name])}}
            for name, array in question.feeds.items()
        ]
        asked = {"inputs": inputs, "parameters": {"binary_data_output": True}}
        head = json.dumps(_request(question, request_id) | asked).encode()
        headers = ["--header", f"{LENGTH}: {len(head)}", "--header", "content-type: application/octet-stream"]
        reply = _curl("--include", *headers, _url(self.servers, question), body=head + b"".join(tails.values()))
        return _binary_answer(reply)


def _binary_answer(reply: bytes) -> Seen:
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    length = int(lines[LENGTH.lower()])
    answer, data = json.loads(body[:length]), body[length:]
    arrays = {}
    for output in answer["outputs"]:
        size = output["parameters"]["binary_data_size"]
        arrays[output["name"]] = _decoded(data[:size], output["datatype"]).reshape(output["shape"])
        data = data[size:]
    return answered(answer["id"], arrays)


def _url(servers: Servers, question: ClientQuestion) -> str:
    return f"http://{servers.http[question.model]}/v2/models/{question.called}/infer"


def _request(question: ClientQuestion, request_id: str) -> dict[str, Any]:
    outputs = {"outputs": [{"name": name} for name in question.outputs]} if question.outputs else {}
    return {"id": request_id} | outputs


def _tensor(name: str, array: Array) -> dict[str, Any]:
    return {"name": name, "shape": list(array.shape), "datatype": V2_NAMES[str(array.dtype)]}


def _json(name: str, array: Array) -> dict[str, Any]:
    return _tensor(name, array) | {"data": array.tolist()}


def _read(output: dict[str, Any]) -> Array:
    array: Array = np.array(output["data"], NUMPY_NAMES[output["datatype"]])
    return array.reshape(output["shape"])


def ways(servers: Servers) -> dict[str, Way]:
    return {
        "JSON": Json(servers),
        "JSON, gzip": Json(servers, compressed=True),
        "binary": Binary(servers),
    }


if __name__ == "__main__":
    tell("curl", ways)  # whichever version the machine has
