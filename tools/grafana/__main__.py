"""Write the dashboards' JSON: .venv/bin/python -m tools.grafana [FOLDER]."""

import sys
from pathlib import Path

from tools.grafana.boards import FOLDER, files

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)  # noqa: T201 - the command's output
