"""Take the README's pictures anew: the demo's screen and the live page, while a demo runs.

Needs tmux and chromium. From the project's root: .venv/bin/python -m tools.take_pictures
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

from rich.console import Console
from rich.text import Text

from tests.page.browser import browser

IMAGES = Path("docs/images")
WIDTH, HEIGHT = 120, 36
PORT = 8611
SECONDS = 100
SESSION = "claims-monitor-pictures"


def tmux(*command: str) -> str:
    """Run a tmux command and give what it prints."""
    return subprocess.run(["tmux", *command], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


async def picture_of_page() -> bytes:
    """The live page as Chromium shows it."""
    with tempfile.TemporaryDirectory() as profile:
        async with browser(Path(profile)) as tab:
            await tab.show(width=1360, height=820, dark=False)
            await tab.open(f"http://127.0.0.1:{PORT}/?lang=en")
            await tab.until("document.querySelectorAll('#rows tr').length > 5")
            return await tab.picture()


def take() -> None:
    """Start a demo in tmux, wait until it shows something, take both pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    command = f".venv/bin/claims-monitor demo --seconds {SECONDS} --port {PORT} --lang en"
    tmux("new-session", "-d", "-s", SESSION, "-x", str(WIDTH), "-y", str(HEIGHT), command)
    try:
        sleep(SECONDS - 5)
        frame = tmux("capture-pane", "-p", "-e", "-t", SESSION)
        with Path("/dev/null").open("w") as nowhere:
            console = Console(record=True, width=WIDTH, file=nowhere)
            console.print(Text.from_ansi(frame.rstrip("\n")))
            console.save_svg(str(IMAGES / "demo.svg"), title="claims-monitor demo")
        (IMAGES / "page.png").write_bytes(asyncio.run(picture_of_page()))
    finally:
        subprocess.run(["tmux", "kill-session", "-t", SESSION], check=False)  # noqa: S603, S607


if __name__ == "__main__":
    for program in ("tmux", "chromium"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is needed")
    take()
