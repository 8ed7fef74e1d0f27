"""The simulator stands alone."""

import ast
import sys
from pathlib import Path

import monitor.simulator

ALLOWED = {"topics", "numpy", "monitor"} | set(sys.stdlib_module_names)


def test_it_knows_nothing_of_detectors() -> None:
    """Labels follow from the plan: the simulator imports topics, numpy, the standard library and itself alone."""
    files = sorted(Path(str(monitor.simulator.__file__)).parent.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            for name in names:
                assert name.split(".")[0] in ALLOWED, f"{file.name}: {name}"
                assert not name.startswith("monitor") or name.startswith("monitor.simulator"), f"{file.name}: {name}"
