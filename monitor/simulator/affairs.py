"""What else happens: complaints, changed items that are filed in time, lost cards."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from monitor.simulator import items
from monitor.simulator.bills import Numbers
from monitor.simulator.formats import Wire, day_text, time_text
from monitor.simulator.persons import Person
from monitor.simulator.region import Region
from topics.times import DAY, HOUR, MINUTE

_COMPLAINTS: Final = 0.004
"""Complaints an institution and day."""
_CHANGES: Final = 0.002
"""Changed items an institution and day."""
_LOST: Final = 0.00002
"""Lost cards a person and day."""
_SUBJECTS: Final = ("attitude", "attitude", "overcharge", "other", "other", "refused-patient")
_MOST_REFUSALS: Final = 2
"""Complaints about refused patients that an institution gets in a year: one fewer than counts as a refusal."""


class Affairs:
    """Facts about institutions, and lost cards.

    Args:
        region: the institutions; planted ones stay out of it.
        numbers: ids.
    """

    def __init__(self, region: Region, numbers: Numbers) -> None:
        self._hospitals = region.hospitals
        self._numbers = numbers
        self._refusals: Counter[tuple[str, str]] = Counter()

    def on(self, day: int, rng: random.Random) -> Iterator[tuple[int, Wire]]:
        """Facts about institutions on a day, each with its time of upload (local seconds)."""
        for hospital in self._hospitals:
            at = day * DAY + rng.randint(8 * 60, 17 * 60) * MINUTE
            draw = rng.random()
            if draw < _COMPLAINTS:
                subject = rng.choice(_SUBJECTS)
                year = (hospital.code, day_text(day)[:4])
                if subject == "refused-patient":
                    if self._refusals[year] >= _MOST_REFUSALS:
                        subject = "other"
                    else:
                        self._refusals[year] += 1
                yield (
                    at,
                    {
                        "type": "complaint",
                        "cmpl_id": self._numbers.other("C"),
                        "fixmedins_code": hospital.code,
                        "cmpl_time": time_text(at),
                        "kind": subject,
                    },
                )
            elif draw < _COMPLAINTS + _CHANGES:
                filed = at + rng.randint(10, 120) * MINUTE
                yield (
                    filed,
                    {
                        "type": "item-change",
                        "fixmedins_code": hospital.code,
                        "med_list_codg": rng.choice(items.TREATMENTS).code,
                        "change_time": time_text(at),
                        "filed_time": time_text(filed),
                        "upld_time": time_text(filed),
                    },
                )

    def lost_cards(self, day: int, persons: Sequence[Person], rng: random.Random) -> Iterator[tuple[Person, int]]:
        """Persons who lose their card on a day, and until when (local seconds); they stay at home until then."""
        count = len(persons) * _LOST
        for _ in range(int(count) + (rng.random() < count % 1)):
            yield persons[int(rng.random() * len(persons))], (day + rng.randint(3, 10)) * DAY + 9 * HOUR


def card_loss(person: Person, begin: int, until: int) -> Wire:
    """The fact that a card is lost from `begin` until `until` (local seconds)."""
    return {
        "type": "card-loss",
        "psn_no": person.number,
        "lost_from": time_text(begin),
        "lost_to": time_text(until),
        "upld_time": time_text(begin),
    }
