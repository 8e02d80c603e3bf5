"""A model's folder: which paths a card may name, and whether the bytes are those that it names."""

import hashlib
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import ModelCard, ModelFile
from penstock_predictor.errors import CardInvalid, DigestMismatch, FileInvalid

CARD_FILE = "card.json"
EXAMPLE_FILE = "input_example.json"
"""A V2 request that the model answers: the store writes it for a version with an example; alone, a person may."""
PARTIAL_FOLDER = ".partial"
"""Where downloads wait until they are whole."""

_CHUNK_BYTES = 1024 * 1024
_RESERVED = frozenset({CARD_FILE, PARTIAL_FOLDER})


def parse_card(body: bytes, *, source: str) -> ModelCard:
    """Read a card and refuse one that could make us touch a file outside the model's folder.

    Raises CardInvalid, which also covers a card whose digest is not that of the files it lists.
    """
    try:
        card = ModelCard.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise CardInvalid(f"{source} is not a model card: {field}: {first['msg']}") from None
    for path in (*(file.path for file in card.files), card.model_path):
        check_path(path, source=source)
    _check_consistent(card, source=source)
    return card


def check_path(path: str, *, source: str) -> None:
    """Raise CardInvalid unless the path stays inside the model's folder and clear of our own files."""
    parts = path.split("/")
    unsafe = (
        PurePosixPath(path).is_absolute()
        or any(part in {"", ".", ".."} for part in parts)
        or any(character in path for character in "\\\0")
        or parts[0] in _RESERVED
    )
    if unsafe:
        raise CardInvalid(f"{source} names the unsafe path {path!r}: refused, nothing of this model was used")


def _check_consistent(card: ModelCard, *, source: str) -> None:
    named = {"model_path": card.model_path, "golden.request_path": card.golden.request_path or card.model_path}
    for field, path in named.items():
        if path not in {file.path for file in card.files}:
            raise CardInvalid(f"{source}: {field} {path!r} is not among its files")
    try:
        computed = digest_of(card.files)
    except ValueError as error:
        raise CardInvalid(f"{source}: {error}") from None
    if computed != card.digest:
        raise CardInvalid(f"{source}: says {card.digest}, but its list of files has the digest {computed}")


def read_card(folder: Path) -> ModelCard | None:
    """Read the folder's card; None where it has none. Raises CardInvalid."""
    file = folder / CARD_FILE
    try:
        body = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CardInvalid(f"{file} cannot be read: {error.strerror}") from error
    return parse_card(body, source=str(file))


def measure(folder: Path, path: str) -> ModelFile:
    """Size and sha256 of a regular file that really lies inside the folder. Raises FileInvalid."""
    file = folder / path
    try:
        if not file.resolve(strict=True).is_relative_to(folder.resolve()) or not file.is_file():
            raise FileInvalid(f"{file} is not a regular file inside {folder}")
        size, sha256 = _hash(file)
    except OSError as error:
        raise FileInvalid(f"{file} cannot be read: {error.strerror}") from error
    return ModelFile(path=path, size=size, sha256=sha256)


def _hash(file: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def check_file(expected: ModelFile, actual: ModelFile, *, where: str) -> None:
    """Raise FileInvalid where size or content differ from the card."""
    if actual.size != expected.size:
        raise FileInvalid(f"{where} {expected.path!r}: expected {expected.size} bytes, got {actual.size}")
    if actual.sha256 != expected.sha256:
        raise FileInvalid(f"{where} {expected.path!r}: expected sha256 {expected.sha256}, got {actual.sha256}")


def verify(folder: Path, card: ModelCard) -> None:
    """Read every file and compare it with the card. Raises FileInvalid."""
    for expected in card.files:
        check_file(expected, measure(folder, expected.path), where="file")


def check_digest(actual: str, wanted: str, *, source: str) -> None:
    """Raise DigestMismatch when a digest was asked for and this is another one."""
    if wanted and actual != wanted:
        raise DigestMismatch(f"{source}: expected {wanted}, got {actual}: fetch the model again")
