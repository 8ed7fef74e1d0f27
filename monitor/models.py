"""Model files for the engine: read, checked, and turned into a scorer."""

from pathlib import Path

from detectors.model import Model, ModelError
from monitor.scoring import ForestScorer


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


def load_scorer(path: Path | None) -> ForestScorer | None:
    """The scorer for a model file; None without one."""
    return None if path is None else ForestScorer(load_model(path))
