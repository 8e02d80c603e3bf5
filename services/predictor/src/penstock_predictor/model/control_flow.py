"""Does a graph decide, by its values, what it computes?

Then the runs before tell nothing about how long the next one takes, and a row that takes long would hold up the rows of
other requests beside it.
"""

import mmap
from pathlib import Path

_OPERATORS = ("Loop", "Scan", "If")
_OP_TYPE = 4 << 3 | 2
"""Tag of NodeProto's field `op_type`, a string. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""


def control_flow(file: Path) -> str | None:
    """The first operator of a model file that has graphs of its own to run or not; None where there is none.

    Looks for how protobuf writes such a node, without reading the whole graph. Other bytes can look the same by chance:
    that makes the model no worse than unbatched.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return next((name for name in _OPERATORS if content.find(_node(name)) != -1), None)


def _node(operator: str) -> bytes:
    return bytes([_OP_TYPE, len(operator)]) + operator.encode()
