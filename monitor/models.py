"""Models from files, and models in pieces, as the topic carries them: checked before anything uses them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from detectors.model import Model, ModelError
from detectors.model_set import ModelSet
from monitor.scoring import ForestScorer

SUFFIX: Final = ".model"
PIECE: Final = 400_000
"""Bytes of a piece: well below the size of a record that brokers take by default (1 MB)."""


class ModelFileError(Exception):
    """A model file that cannot be used; the message says why and what to do."""


def load_model(path: Path) -> Model:
    """Read a model file.

    Raises:
        ModelFileError: no such file, damaged, or of another feature set.
    """
    try:
        return Model.from_bytes(path.read_bytes())
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}; make one with claims-monitor train FACTS -o MODEL") from None
    except ModelError as error:
        raise ModelFileError(f"{path}: {error}") from None


def load_models(path: Path | None) -> ModelSet:
    """The models of a file or of a folder (`*.model`).

    A single one holds where the registry names none; of several the registry must say which.

    Raises:
        ModelFileError: no such file or folder, a folder without models, or one that cannot be used.
    """
    if path is None:
        return ModelSet()
    if not path.is_dir():
        return ModelSet(load_model(path))
    found = [load_model(each) for each in sorted(path.glob(f"*{SUFFIX}"))]
    if not found:
        raise ModelFileError(f"{path}: no {SUFFIX} file in it; make one with claims-monitor train FACTS -o MODEL")
    if len(found) == 1:
        return ModelSet(found[0])
    return ModelSet(loaded={model.version: model for model in found})


def load_scorer(path: Path | None) -> ForestScorer:
    """The scorer with the models of a file or folder; one without models for None.

    Raises:
        ModelFileError: as `load_models`.
    """
    return ForestScorer(load_models(path))


def pieces(model: Model) -> Iterator[tuple[str, bytes]]:
    """The model as records of the topic: key `version/piece/pieces` and value."""
    data = model.to_bytes()
    starts = range(0, len(data), PIECE)
    for number, start in enumerate(starts):
        yield f"{model.version}/{number}/{len(starts)}", data[start : start + PIECE]


class Assembled:
    """Puts models together from the records of the topic, whatever their order.

    Attributes:
        models: version -> model that is complete and can be used.
        completed: version -> offset of the record that completed it.
        problems: version -> why it cannot be used.
    """

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.completed: dict[str, int] = {}
        self.problems: dict[str, str] = {}
        self._pieces: dict[str, dict[int, bytes]] = {}

    def take(self, key: bytes | None, value: bytes | None, offset: int) -> str | None:
        """Take a record in; names the version that it completed, spoilt or took away."""
        version, number, count = _key(key)
        if version is None:
            return None
        held = self._pieces.setdefault(version, {})
        if value is None:
            held.pop(number, None)
            self.completed.pop(version, None)
            self.problems.pop(version, None)
            return version if self.models.pop(version, None) is not None else None
        held[number] = value
        if set(held) != set(range(count)):
            return None
        data = b"".join(held[each] for each in range(count))
        del self._pieces[version]
        try:
            model = Model.from_bytes(data)
        except ModelError as error:
            self.problems[version] = str(error)
            return version
        if model.version != version:
            self.problems[version] = f"it is {model.version}"
            return version
        self.problems.pop(version, None)
        self.models[version] = model
        self.completed[version] = offset
        return version

    def complete(self, versions: Mapping[str, object] | set[str]) -> int:
        """The last offset that completed one of these versions; -1: none did."""
        return max((offset for version, offset in self.completed.items() if version in versions), default=-1)


def _key(key: bytes | None) -> tuple[str | None, int, int]:
    parts = (key or b"").decode(errors="replace").split("/")
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None, 0, 0
    return parts[0], int(parts[1]), int(parts[2])
