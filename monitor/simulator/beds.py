"""Beds of the ordinary wards: nobody is given a bed before the one in it has left."""

from monitor.simulator.region import Institution


class Beds:
    """Who lies where until when, for all institutions."""

    def __init__(self) -> None:
        self._free_from: dict[tuple[int, str], list[int]] = {}

    def take(self, institution: Institution, department: str, begin: int, end: int) -> str | None:
        """Occupy a bed of a department from begin to end (local seconds).

        Returns:
            The bed's number, or None when none is free.
        """
        key = (institution.index, department)
        free = self._free_from.get(key)
        if free is None:
            free = self._free_from[key] = [0] * institution.wards[department]
        for number, since in enumerate(free):
            if since <= begin:
                free[number] = end
                return f"{number + 1:03d}"
        return None


def ward(department: str) -> str:
    """The ward of a department."""
    return "W" + department[1:]
