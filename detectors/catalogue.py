"""The detectors there are, found by name: rule `a-b` is the one `Detector` in `detectors/a_b.py`."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import detectors
from detectors.detector import Detector


class CatalogueError(Exception):
    """A module of a rule does not hold exactly the one detector its name promises."""


@cache
def all_detectors() -> Mapping[str, Detector[Any]]:
    """Every detector by rule id, in the order of the ids.

    Raises:
        CatalogueError: a module holds two detectors, or one of another name.
    """
    found: dict[str, Detector[Any]] = {}
    for module_info in pkgutil.iter_modules(detectors.__path__):
        module = importlib.import_module(f"detectors.{module_info.name}")
        here = [
            member
            for _, member in inspect.getmembers(module, inspect.isclass)
            if issubclass(member, Detector) and member.__module__ == module.__name__ and hasattr(member, "rule_id")
        ]
        if not here:
            continue
        rule = module_info.name.replace("_", "-")
        if len(here) > 1 or here[0].rule_id != rule:
            raise CatalogueError(f"detectors/{module_info.name}.py must hold one detector, with rule_id {rule!r}")
        found[rule] = here[0]()
    return dict(sorted(found.items()))
