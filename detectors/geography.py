"""How far apart two places are, and how long travelling between them takes at the least."""

import math
from typing import Final

from detectors.units import Speed
from topics.registry import Institution
from topics.times import HOUR

RADIUS_MM: Final = 6_371_000_000
"""Radius of the sphere that stands for the earth, millimetres (6,371.0 km)."""

_MICRODEGREE: Final = math.pi / 180e6


def distance_mm(one: Institution | None, other: Institution | None) -> int | None:
    """Great-circle distance of two institutions (haversine), whole millimetres; None without both coordinates.

    Whole millimetres, since the last bits of a float may differ between machines.
    """
    if one is None or other is None:
        return None
    coordinates = one.longitude, one.latitude, other.longitude, other.latitude
    if None in coordinates:
        return None
    lng1, lat1, lng2, lat2 = (part * _MICRODEGREE for part in coordinates if part is not None)
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2
    return round(2 * RADIUS_MM * math.asin(min(1.0, math.sqrt(half))))


def too_far(distance: int, seconds: int, speed: Speed) -> bool:
    """Whether a distance (mm) is more than can be travelled in a time at a speed (m/h)."""
    return distance * HOUR > speed * 1000 * seconds


def longest_travel(speed: Speed) -> int:
    """Seconds after which every place on earth can be reached at a speed (m/h)."""
    return math.ceil(math.pi * RADIUS_MM) * HOUR // (speed * 1000) + 1
