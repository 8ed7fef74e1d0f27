"""Where terms come from: the default that ships with the product, a file, or a folder of versions."""

from importlib import resources
from pathlib import Path

from detectors.catalogue import all_detectors
from detectors.terms import TermsError, TermsSet, join_terms, parse_terms

DEFAULT_NAME = "default_terms.toml"


def default_text() -> str:
    """The default terms file."""
    return resources.files("detectors").joinpath(DEFAULT_NAME).read_text(encoding="utf-8")


def load_terms(path: Path | None) -> TermsSet:
    """Read terms from a file, or all `*.toml` of a folder; the default terms without a path.

    Raises:
        TermsError: no such file, or terms that cannot be used (with file, line and what is expected).
    """
    if path is None:
        return join_terms([parse_terms(default_text(), DEFAULT_NAME, all_detectors())])
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise TermsError(f"{path}: no *.toml file in this folder")
    versions = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TermsError(f"{file}: cannot be read: {error}") from None
        versions.append(parse_terms(text, str(file), all_detectors()))
    return join_terms(versions)
