"""A believable region that never was: registry, persons, visits, stays, planted violations and their labels.

`simulate` yields wire objects in the order in which they arrive, the same to the byte for the same configuration
and seed. What is planted, and so what must be found, follows from the plan alone: nothing here looks at detectors.
It imports `topics`, numpy and the standard library, and does no I/O.
"""

from monitor.simulator.config import PRESETS, SimulationConfig, ending_at, preset
from monitor.simulator.labels import Label
from monitor.simulator.planting import PLANTABLE
from monitor.simulator.stream import Simulation, simulate

__all__ = ["PLANTABLE", "PRESETS", "Label", "Simulation", "SimulationConfig", "ending_at", "preset", "simulate"]
