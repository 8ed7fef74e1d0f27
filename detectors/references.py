"""What is known of a person for certain: the enrolled value, else the one most of the person's facts give.

A fact is held against what is known until some time after it (`General.corrections`), not against what comes to be
known years later: facts do not stay for ever, and whether one is still there when a reference changes would depend on
the order of arrival.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from topics.facts import Admission, Enrolment, Settlement, Void

ATTRIBUTES: Final = ("certno", "gender", "birth_day")
GENDERS: Final = ("1", "2")
"""Known genders; any other code is unknown and never compared."""
_KNOWN: Final = frozenset(GENDERS)


class Tally(msgspec.Struct, array_like=True):
    """How often a value was given by facts that were forgotten since, and the earliest of them (time, identity)."""

    count: int
    first: tuple[int, str]


Steps = tuple[tuple[int, Any], ...]
"""A value over time: from which local second on which value holds, ascending; before the first, none."""

_EVER: Final = -(1 << 62)


class Counted(msgspec.Struct, array_like=True):
    """What facts gave of one attribute: the most frequent value over time, and how often each was given."""

    steps: Steps = ()
    tallies: list[tuple[Any, Tally]] = []

    def leads_by(self, facts: int) -> bool:
        """Whether the most frequent value stays so after so many facts more, whatever they say."""
        counts = sorted((held.count for _, held in self.tallies), reverse=True)
        return bool(counts) and counts[0] - (counts[1] if len(counts) > 1 else 0) > facts


def value_at(steps: Steps, time: int) -> Any:  # noqa: ANN401 - text or day
    """The value that holds at a local second; None: none is known."""
    found = None
    for begin, value in steps:
        if begin > time:
            break
        found = value
    return found


class References(NamedTuple):
    """The person's reference values over the time of the facts held against them."""

    certno: Steps = ()
    gender: Steps = ()
    birth_day: Steps = ()

    def at(self, time: int) -> "Reference":
        """The values that facts of a local second are held against."""
        return Reference(value_at(self.certno, time), value_at(self.gender, time), value_at(self.birth_day, time))


NOTHING_KNOWN: Final = References()
"""The reference values of a person of whom nothing is known."""


class Reference(NamedTuple):
    """The person's reference values; None where nothing is known."""

    certno: str | None
    gender: str | None
    birth_day: int | None


def given(fact: Settlement | Admission | Enrolment, attribute: str) -> Any:  # noqa: ANN401 - text or day
    """The value that a fact gives and that may be compared; None for an absent, unknown or faulty one."""
    value = getattr(fact, attribute)
    if attribute == "certno":
        return value or None
    if attribute == "gender":
        return value if value in GENDERS else None
    return value


def tally(facts: Iterable[Settlement | Admission], attribute: str, before: Mapping[Any, Tally]) -> dict[Any, Tally]:
    """Count the values that facts give, on top of what was counted before."""
    counts = {value: Tally(held.count, held.first) for value, held in before.items()}
    for fact in facts:
        value = given(fact, attribute)
        if value is None:
            continue
        at = (fact.at, fact.ref)
        held = counts.get(value)
        if held is None:
            counts[value] = Tally(1, at)
        else:
            held.count += 1
            held.first = min(held.first, at)
    return counts


def told_at(fact: Settlement | Admission) -> int:
    """When a fact told what it gives, local second: the time that its lateness is measured from."""
    return fact.settled_at if isinstance(fact, Settlement) else fact.uploaded_at


def confirms(fact: Settlement | Admission, references: References, delay: int) -> bool:
    """Whether one more fact leaves the references as they are: it says the same as all before, or nothing."""
    time = told_at(fact) - delay
    value = fact.certno
    if value and not _said(references.certno, value, time):
        return False
    value = fact.gender
    if value in _KNOWN and not _said(references.gender, value, time):
        return False
    day = fact.birth_day
    return day is None or _said(references.birth_day, day, time)


def _said(steps: Steps, value: Any, time: int) -> bool:  # noqa: ANN401 - text or day
    return len(steps) == 1 and steps[0][1] == value and steps[0][0] <= time


def most_frequent(counts: Mapping[Any, Tally]) -> Any:  # noqa: ANN401 - text or day
    """The value given most often, ties to the earliest fact; None without any."""
    if not counts:
        return None
    return min(counts.items(), key=lambda pair: _rank(pair[1]))[0]


def _rank(held: Tally) -> tuple[int, tuple[int, str]]:
    return -held.count, held.first


def of_facts(
    settlements: Sequence[Settlement], admissions: Sequence[Admission], before: Sequence[Counted], delay: int
) -> References:
    """The most frequent values among facts, ties to the earliest, over time.

    Args:
        settlements: those that stand.
        admissions: those that stand.
        before: by attribute, what facts gave that are not among these; all of them were told before these.
        delay: a fact counts for others up to so many seconds before it was told.
    """
    return References(*(counted.steps for counted in count_on(settlements, admissions, before, delay)))


def count_on(
    settlements: Sequence[Settlement], admissions: Sequence[Admission], before: Sequence[Counted], delay: int
) -> list[Counted]:
    """What `before` and these facts give together, by attribute (see `of_facts`)."""
    givers: list[Settlement | Admission] = [*settlements, *admissions]
    ordered = sorted([(told_at(fact), fact) for fact in givers], key=itemgetter(0))
    return [_counted(attribute, ordered, counted, delay) for attribute, counted in zip(ATTRIBUTES, before, strict=True)]


def forgotten_before(forgotten: Mapping[str, Mapping[Any, Tally]]) -> list[Counted]:
    """By attribute, what is counted before the facts that are kept: all of it holds from ever on."""
    found = []
    for attribute in ATTRIBUTES:
        counts = forgotten.get(attribute, {})
        steps = ((_EVER, most_frequent(counts)),) if counts else ()
        found.append(Counted(steps, list(counts.items())))
    return found


def of_agreeing(settlements: Sequence[Settlement], admissions: Sequence[Admission], delay: int) -> References | None:
    """As `of_facts`, of facts that all say the same of each attribute, as nearly everybody's do; None: some differ."""
    told: Sequence[Settlement | Admission] = settlements
    if admissions:
        told = sorted([*settlements, *admissions], key=told_at)
    certno = gender = birth_day = None
    steps: list[Steps] = [(), (), ()]
    for one in told:
        number, sex, day = one.certno, one.gender, one.birth_day
        if number and number != certno:
            if certno is not None:
                return None
            certno = number
            steps[0] = ((told_at(one) - delay, number),)
        if sex != gender and sex in _KNOWN:
            if gender is not None:
                return None
            gender = sex
            steps[1] = ((told_at(one) - delay, sex),)
        if day != birth_day and day is not None:
            if birth_day is not None:
                return None
            birth_day = day
            steps[2] = ((told_at(one) - delay, day),)
    return References(*steps)


def _counted(
    attribute: str, ordered: Sequence[tuple[int, Settlement | Admission]], before: Counted, delay: int
) -> Counted:
    """What an attribute's facts, by the time they were told, give on top of what was counted before them."""
    counts = {value: Tally(held.count, held.first) for value, held in before.tallies}
    most = most_frequent(counts)
    steps = list(before.steps)
    latest: int | None = None
    for time, fact in ordered:
        value = given(fact, attribute)
        if value is None:
            continue
        if latest is not None and time != latest and (not steps or steps[-1][1] != most):
            steps.append((latest - delay, most))
        latest = time
        at = fact.at, fact.ref
        held = counts.get(value)
        if held is None:
            counts[value] = Tally(1, at)
        else:
            held.count += 1
            if at < held.first:
                held.first = at
        # no other value rises by this fact
        if most is None or (value != most and _rank(counts[value]) < _rank(counts[most])):
            most = value
    if latest is not None and (not steps or steps[-1][1] != most):
        steps.append((latest - delay, most))
    return Counted(tuple(steps), list(counts.items()))


def known_from(fact: Enrolment | Void, delay: int) -> int:
    """From which local second on facts are held against an enrolment or its void; one without upload time: all."""
    time = fact.voided_at if isinstance(fact, Void) else fact.uploaded_at
    return _EVER if time is None else time - delay


def enrolled(known: Iterable[Enrolment | Void], otherwise: References, delay: int) -> References:
    """The enrolled values over time, where there are none those of facts.

    Args:
        known: versions of the person's enrolment, and voids of those uploaded until then.
        otherwise: what facts give.
        delay: a version or void counts for facts up to so many seconds before it.
    """
    # the void after a version of the same second, which it removes
    ordered = sorted(known, key=lambda fact: (known_from(fact, delay), isinstance(fact, Void)))
    places = [(known_from(fact, delay), None if isinstance(fact, Void) else fact) for fact in ordered]
    found = (_joined(attribute, places, steps) for attribute, steps in zip(ATTRIBUTES, otherwise, strict=True))
    return References(*found)


def _joined(attribute: str, known: Sequence[tuple[int, Enrolment | None]], facts: Steps) -> Steps:
    of_enrolment = tuple((time, version and given(version, attribute)) for time, version in known)
    steps: list[tuple[int, Any]] = []
    for time in sorted({time for time, _ in (*of_enrolment, *facts)}):
        value = value_at(of_enrolment, time)
        if value is None:
            value = value_at(facts, time)
        if (steps[-1][1] if steps else None) != value:
            steps.append((time, value))
    return tuple(steps)
