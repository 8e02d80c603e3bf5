"""Requests that are answered well, and refused, with the status of each."""

import gzip
import math

import numpy as np

from .conftest import tensor
from .wire import INFER, ROW, binary, chunked, post, raw, text

VERSIONED = "/v2/models/model/versions/1/infer"
JSON = "content-type: application/json"
LONG = text({"inputs": [tensor("x", "FP32", [3000, 2], [0.5] * 6000)]})
TWO = np.array([[1, 2], [3, 4]], dtype="<f4").tobytes()
TWO_ROWS, TWO_HEADER = binary({"inputs": [raw("x", "FP32", [2, 2], 16)]}, TWO)
BYTES_OUT, OUT_HEADER = binary(
    {"inputs": [raw("x", "FP32", [2, 2], 16)], "id": "b", "parameters": {"binary_data_output": True}}, TWO
)

TWO_MEMBERS = gzip.compress(text(ROW)[:20]) + gzip.compress(text(ROW)[20:])
PACKED_ON_THE_WAY = chunked(INFER, gzip.compress(text(ROW), mtime=0)).replace(b": chunked", b": gzip, chunked")

REQUESTS: dict[str, tuple[bytes, int]] = {
    "a row": (post(INFER, text(ROW)), 200),
    "a content type": (post(INFER, text(ROW), JSON), 200),
    "an id": (post(INFER, text(ROW | {"id": 'näme\n"'})), 200),
    "a request id": (post(INFER, text(ROW), "x-request-id: r-1"), 200),
    "a request id that is not echoed": (post(INFER, text(ROW), f"x-request-id: {'r' * 129}"), 200),
    "two request ids": (post(INFER, text(ROW), "x-request-id: a", "X-Request-Id: b"), 200),
    "a version": (post(VERSIONED, text(ROW)), 200),
    "an absolute address": (post(f"http://predictor{INFER}", text(ROW)), 200),
    "a query": (post(f"{INFER}?a=b", text(ROW)), 200),
    "outputs": (post(INFER, text(ROW | {"outputs": [{"name": "y"}]})), 200),
    "nested data": (post(INFER, text({"inputs": [tensor("x", "FP32", [2, 2], [[1, 2], [3, None]])]})), 200),
    "no rows": (post(INFER, text({"inputs": [tensor("x", "FP32", [0, 2], [])]})), 200),
    "a long answer": (post(INFER, LONG), 200),
    "a long answer, packed": (post(INFER, LONG, "accept-encoding: gzip, br"), 200),
    "a long answer, not packed": (post(INFER, LONG, "accept-encoding: br;q=1, gzip;q=0"), 200),
    "the last request": (post(INFER, text(ROW), "connection: close"), 200),
    "HTTP/1.0": (post(INFER, text(ROW)).replace(b"HTTP/1.1", b"HTTP/1.0"), 200),
    "its time is long": (post(INFER, text(ROW), "x-request-timeout-ms: 60000"), 200),
    "bytes in": (post(INFER, TWO_ROWS, TWO_HEADER), 200),
    "bytes in and out": (post(INFER, BYTES_OUT, OUT_HEADER, "content-type: application/octet-stream"), 200),
    "bytes out": (
        post(INFER, text(ROW | {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]})),
        200,
    ),
    "two gzip members": (post(INFER, TWO_MEMBERS, "content-encoding: gzip"), 200),
    "packed on the way": (PACKED_ON_THE_WAY, 200),
    "packed on the way by another coding": (PACKED_ON_THE_WAY.replace(b": gzip", b": br"), 415),
    "predict": (post("/predict", b"[1, 2]"), 200),
    "predict features": (post("/predict", b'{"features": [1, null]}', "x-request-id: 7"), 200),
    "predict many": (post("/predict", b'{"instances": [[1, 2], [3, 4.5]]}'), 200),
    "no JSON": (post(INFER, b"{"), 400),
    "no body": (post(INFER, b""), 400),
    "no inputs": (post(INFER, b"{}"), 400),
    "an id that is no word": (post(INFER, text(ROW | {"id": 5})), 400),
    "deep": (post(INFER, b"[" * 100_000), 400),
    "its time is no number": (post(INFER, text(ROW), "x-request-timeout-ms: soon"), 400),
    "its time is nothing": (post(INFER, text(ROW), "x-request-timeout-ms: 0"), 400),
    "bytes and no header": (post(INFER, TWO_ROWS), 400),
    "bytes beyond the body": (post(INFER, TWO_ROWS, "inference-header-content-length: 99999"), 400),
    "bytes left over": (post(INFER, TWO_ROWS + b"x", TWO_HEADER), 400),
    "predict a number": (post("/predict", b"5"), 400),
    "TensorFlow Serving's rows": (post(INFER, b'{"instances": [[1, 2]]}'), 400),
    "TensorFlow Serving's columns": (post("/predict", b'{"inputs": [[1, 2]], "signature_name": "s"}'), 400),
    "MLflow's rows": (post("/predict", b'{"dataframe_split": {"columns": ["x"], "data": [[1, 2]]}}'), 400),
    "rows with parameters": (post("/predict", b'{"instances": [[1, 2]], "parameters": {}}'), 400),
    "half a gzip member": (post(INFER, TWO_MEMBERS[:-4], "content-encoding: gzip"), 400),
    "another model": (post("/v2/models/other/infer", text(ROW)), 404),
    "another version": (post("/v2/models/model/versions/2/infer", text(ROW)), 404),
    "no route": (post("/v3", text(ROW)), 404),
    "another method": (post("/v2/models/model", b""), 405),
    "a method for none": (post(INFER, text(ROW), method="PUT"), 405),
    "too large": (post(INFER, b" " * 100_001), 413),
    "another content type": (post(INFER, text(ROW), "content-type: text/html"), 415),
    "another charset": (post(INFER, text(ROW), "content-type: application/json; charset=latin-1"), 415),
    "another encoding": (post(INFER, text(ROW), "content-encoding: br"), 415),
    "another type": (post(INFER, text({"inputs": [tensor("x", "FP64", [1, 2], [1, 2])]})), 422),
    "another shape": (post(INFER, text({"inputs": [tensor("x", "FP32", [1, 3], [1, 2, 3])]})), 422),
    "another number of elements": (post(INFER, text({"inputs": [tensor("x", "FP32", [1, 2], [1])]})), 422),
    "a literal that JSON has not": (post(INFER, text({"inputs": [tensor("x", "FP32", [1, 2], [math.nan, 1])]})), 422),
    "a number that is none of the type": (post(INFER, text({"inputs": [tensor("x", "FP32", [1, 2], [1e39, 1])]})), 422),
    "an input that is none": (post(INFER, text({"inputs": [tensor("z", "FP32", [1], [1])]})), 422),
    "an input twice": (post(INFER, text({"inputs": ROW["inputs"] * 2})), 422),
    "an output that is none": (post(INFER, text(ROW | {"outputs": [{"name": "z"}]})), 422),
    "bytes of another size": (post(INFER, *binary({"inputs": [raw("x", "FP32", [1, 2], 4)]}, b"1234")), 422),
    "predict names": (post("/predict", b'{"a": 1}'), 422),
    "predict too few": (post("/predict", b"[1]"), 422),
}
