"""A worker of an older or newer version of the software: the same code with another version of the state's schema.

Usage: other_version.py SCHEMA_VERSION, then the arguments of `claims-monitor`.
"""

import importlib.util
import re
import sys
from pathlib import Path

NAME = "monitor.state"


def main(version: int) -> None:
    """Load the module of the state with another number, and run the command line on it."""
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.origin is not None
    text, found = re.subn(
        r"^VERSION: Final = \d+$", f"VERSION: Final = {version}", Path(spec.origin).read_text(), flags=re.MULTILINE
    )
    assert found == 1
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    exec(compile(text, spec.origin, "exec"), module.__dict__)  # noqa: S102 - our own module
    from monitor.cli import app

    app()


if __name__ == "__main__":
    number = int(sys.argv.pop(1))
    main(number)
