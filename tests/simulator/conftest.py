"""One small simulated region, with its plants, and one without, for the tests that only look at them."""

from typing import Any

import pytest

from monitor.simulator import Simulation, SimulationConfig, preset, simulate

Stream = list[tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def planted() -> Simulation:
    return simulate(preset("small"), seed=7)


@pytest.fixture(scope="session")
def planted_stream(planted: Simulation) -> Stream:
    return list(planted)


@pytest.fixture(scope="session")
def clean_stream() -> Stream:
    config = SimulationConfig(institutions=30, persons=6_000, days=92, clean=True, reversals=0.02, voids=0.01)
    return list(simulate(config, seed=3))
