"""Programs that check the files."""

import os
import shutil
from collections.abc import Callable

import pytest


@pytest.fixture
def program() -> Callable[[str], str]:
    """Path of a program of packages-for-tests.txt; in CI it must be there."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            if os.environ.get("CI"):
                pytest.fail(f"{name} is missing; packages-for-tests.txt names its package")
            pytest.skip(f"{name} is not installed")
        return path

    return find
