"""All dashboards there are, and the files they become."""

from pathlib import Path
from typing import Final

from tools.grafana import institutions, overview, pipeline, rules
from tools.grafana.build import build
from tools.grafana.panels import Board, Language

FOLDER: Final = Path("dashboards/grafana/dashboards")
BOARDS: Final[tuple[Board, ...]] = (overview.BOARD, institutions.BOARD, rules.BOARD, pipeline.BOARD)
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


def files() -> dict[str, str]:
    """JSON by path below the folder of dashboards."""
    return {f"{lang}/{board.name}.json": build(board, lang) for lang in LANGUAGES for board in BOARDS}
