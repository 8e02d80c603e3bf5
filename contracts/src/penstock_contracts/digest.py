"""How a digest is computed: the model store names by it, the predictor recomputes it from the bytes it downloaded."""

import hashlib
from collections.abc import Iterable

from penstock_contracts.model_card import Digest, ModelFile

_PREFIX = "sha256:"


def digest_of(files: Iterable[ModelFile]) -> Digest:
    r"""Name a set of files by its content: `sha256:` and 64 lower-case hexadecimal digits.

    The sha256 is taken over the UTF-8 bytes of one line for each file, sorted by path (by code point, which is the
    order of the UTF-8 bytes too), each line being

        <path> TAB <size in bytes, decimal> TAB <sha256 of the content, 64 lower-case hexadecimal digits> LF

    so for a single file `model.onnx` of 3 bytes: ``b"model.onnx\t3\t<64 digits>\n"``. Nothing precedes the first
    line, nothing follows the last.

    Raises ValueError for no files, for a path twice, and for a path with a control character, which could make two
    different sets of files read alike.
    """
    lines = [_line(file) for file in sorted(files, key=lambda file: file.path)]
    if not lines:
        raise ValueError("no files: there is nothing to name by a digest")
    paths = [line.split("\t", 1)[0] for line in lines]
    if len(set(paths)) != len(paths):
        raise ValueError(f"a path occurs twice in {paths}: the digest would not tell which content runs")
    return _PREFIX + hashlib.sha256("".join(lines).encode()).hexdigest()


def _line(file: ModelFile) -> str:
    if any(ord(character) < ord(" ") for character in file.path):
        raise ValueError(f"path {file.path!r} has a control character: rename the file")
    return f"{file.path}\t{file.size}\t{file.sha256}\n"
