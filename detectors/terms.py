"""Terms: every number, clause, severity, tier and text of the rules, read from a TOML text.

A set of terms holds one version or several; each applies to findings anchored from its `valid_from` on.
Nothing here opens files: the caller gives texts and their names.
"""

import re
import string
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

import msgspec

from detectors import units
from detectors.findings import Finding, Span, named
from detectors.said import within
from detectors.units import ClockTime, Duration, Share
from topics.times import DAY, BadTime, parse_time


class TermsError(ValueError):
    """Terms that cannot be used; the message names file, line, and what is expected."""


class General(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers that several rules share.

    Attributes:
        tolerance: how far a fact may lie ahead of its record time.
        lateness: how far it may lie behind (L).
        quarantine_share: a partition pauses when more of its last records were quarantined.
        quarantine_window: how many last records count for that.
        open_stay: how long after its begin a stay without an end counts as open.
        panes_kept: how long the sums of an institution's day are kept.
        night_from: when the night begins, for settlements made by night.
        night_to: when it ends.
        frequency_exempt: diseases (ICD-10 prefixes) left out of frequency rules.
        corrections: how long after a fact what is known of the person may still change what is found about it, and,
            with the lateness bound, a reversal or void may still cancel it.
    """

    tolerance: Duration
    lateness: Duration
    quarantine_share: Share
    quarantine_window: int
    open_stay: Duration
    panes_kept: Duration
    night_from: ClockTime
    night_to: ClockTime
    outpatient: frozenset[str]
    emergency: frozenset[str]
    pharmacy: frozenset[str]
    inpatient: frozenset[str]
    frequency_exempt: tuple[str, ...]
    corrections: Duration = Duration(120 * DAY)

    @property
    def horizon(self) -> int:
        """How old a fact may be, seconds before the record time, that something may still cancel."""
        return self.lateness + self.corrections


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name or text in Chinese and English."""

    zh: str
    en: str


class _RuleTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    severity: str
    tier: str
    basis: tuple[str, ...]
    title: Title
    text: Title
    enabled: bool = True
    limits: dict[str, Any] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: int
    general: dict[str, Any]
    rules: dict[str, dict[str, Any]]
    valid_from: str | None = None


@dataclass(frozen=True)
class RuleTerms:
    """The terms of one rule: what it needs to judge and to say why."""

    rule: str
    version: int
    severity: str
    tier: str
    basis: tuple[str, ...]
    title: Title
    text: Title
    limits: Any
    general: General
    terms_id: str

    def finding(
        self,
        *,
        about: tuple[str, str],
        anchor: int,
        window: tuple[int, int],
        person: str | None,
        institution: str | None,
        facts: Sequence[str],
        observed: Any,  # noqa: ANN401 - whole numbers or texts
        limit: Any,  # noqa: ANN401 - whole numbers or texts
        amount: int | None,
        says: Mapping[str, object],
        discriminator: str | None = None,
        severity: str | None = None,
        tier: str | None = None,
        facts_total: int | None = None,
    ) -> Finding:
        """Make a finding with this rule's severity, tier, clause and texts.

        Args:
            about: kind and id of what it is about.
            anchor: local second of the fact it hangs on.
            window: first and last time looked at, local seconds.
            person: whom it concerns, if one person.
            institution: which institution it concerns.
            facts: identities of the facts.
            observed: what was seen.
            limit: what it was held against.
            amount: money at stake in fen, None while no settlement is known.
            says: values for the placeholders of the texts (`detectors.said`).
            discriminator: which of several findings about one thing.
            severity: where it is not the rule's own.
            tier: where it is not the rule's own.
            facts_total: where more facts took part than are named.
        """
        refs, total = named(facts)
        return Finding(
            rule=self.rule,
            about_kind=about[0],
            about_id=about[1],
            discriminator=discriminator,
            anchor=anchor,
            begin=window[0],
            end=window[1],
            person=person,
            institution=institution,
            facts=refs,
            facts_total=total if facts_total is None else facts_total,
            observed=observed,
            limit=limit,
            amount=amount,
            severity=severity or self.severity,
            tier=tier or self.tier,
            zh=self.text.zh.format_map(within(says, "zh")),
            en=self.text.en.format_map(within(says, "en")),
            basis=self.basis,
            rule_version=self.version,
            terms_id=self.terms_id,
        )


@dataclass(frozen=True)
class Terms:
    """One version of all terms, in force for anchors from `valid_from` (local second) on."""

    name: str
    version: int
    digest: str
    valid_from: int
    general: General
    rules: Mapping[str, RuleTerms]

    @property
    def terms_id(self) -> str:
        """`name-version:digest`, as alerts carry it."""
        return f"{self.name}-{self.version}:{self.digest[:4]}"


_EVER: Final = -(1 << 62)


@dataclass(frozen=True)
class TermsSet:
    """All versions of the terms, by `valid_from`.

    Attributes:
        versions: ascending by `valid_from`; the first is in force from the beginning of time.
    """

    versions: tuple[Terms, ...]

    @property
    def general(self) -> General:
        """The general numbers of the latest version: admission and keeping of facts follow it."""
        return self.versions[-1].general

    @property
    def set_id(self) -> str:
        """The ids of all versions, for people."""
        return "+".join(terms.terms_id for terms in self.versions)

    @property
    def digests(self) -> tuple[str, ...]:
        """What sets are compared by: the digest of each version, in order."""
        return tuple(terms.digest for terms in self.versions)

    def at(self, time: int) -> Terms:
        """The version in force at a local second."""
        index = bisect_right(self.versions, time, key=lambda terms: terms.valid_from) - 1
        return self.versions[max(index, 0)]

    def over(self, rule: str, span: Span) -> Iterator[tuple[RuleTerms, Span]]:
        """The rule's terms with the part of the span in which they are in force."""
        if len(self.versions) == 1:
            ruled = self.versions[0].rules.get(rule)
            if ruled is not None and span.begin <= span.end:
                yield ruled, span
            return
        for index, terms in enumerate(self.versions):
            last = self.versions[index + 1].valid_from - 1 if index + 1 < len(self.versions) else span.end
            begin, end = max(span.begin, terms.valid_from), min(span.end, last)
            if begin <= end and rule in terms.rules:
                yield terms.rules[rule], Span(begin, end)


def line_of(text: str, path: Sequence[str]) -> int:
    """The line (from 1) of a TOML text on which the key at `path` stands, or the nearest table above it."""
    best, table = 1, ()  # type: tuple[int, tuple[str, ...]]
    seen = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        header = re.match(r"\[\[?([^\]]+)\]\]?", line)
        if header:
            table = tuple(part.strip().strip('"') for part in header[1].split("."))
            here = table
        else:
            key = re.match(r'([A-Za-z0-9_."-]+)\s*=', line)
            if not key:
                continue
            here = (*table, *(part.strip('"') for part in key[1].split(".")))
        depth = next((i for i, (a, b) in enumerate(zip(here, path, strict=False)) if a != b), min(len(here), len(path)))
        if depth == len(here) and depth > seen:
            best, seen = number, depth
    return best


def parse_terms(text: str, file: str, rules: Mapping[str, Any]) -> Terms:
    """Read one terms file.

    Args:
        text: its TOML.
        file: its name, for messages.
        rules: rule id -> detector (for `limits`, the struct of its numbers, and `says`, its texts' placeholders).

    Raises:
        TermsError: an unknown rule, a missing number, a wrong unit ...: with file, line and what is expected.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TermsError(f"{file}: not TOML: {error}") from None
    checked = _convert(text, file, (), content, _File)
    for rule in checked.rules:
        if rule not in rules:
            known = ", ".join(sorted(rules))
            raise TermsError(f"{file}:{line_of(text, ('rules', rule))}: unknown rule {rule!r}; known are {known}")
    for rule in rules:
        if rule not in checked.rules:
            raise TermsError(
                f"{file}: [rules.{rule}] is missing; copy it from the default terms, or set enabled = false"
            )
    valid_from = _EVER
    if checked.valid_from is not None:
        try:
            valid_from = parse_time(checked.valid_from)
        except BadTime as error:
            raise TermsError(f"{file}:{line_of(text, ('valid_from',))}: valid_from: {error}") from None
    general = _convert(text, file, ("general",), checked.general, General)
    digest = blake2b(msgspec.json.encode(content, order="deterministic"), digest_size=8).hexdigest()
    terms_id = f"{checked.name}-{checked.version}:{digest[:4]}"
    loaded = {}
    for rule, detector in rules.items():
        path = ("rules", rule)
        table = _convert(text, file, path, checked.rules[rule], _RuleTable)
        if not table.enabled:
            continue
        for language in ("zh", "en"):
            _check_text(text, file, (*path, "text"), getattr(table.text, language), detector.says)
        loaded[rule] = RuleTerms(
            rule=rule,
            version=table.version,
            severity=table.severity,
            tier=table.tier,
            basis=table.basis,
            title=table.title,
            text=table.text,
            limits=_convert(text, file, (*path, "limits"), table.limits, detector.limits),
            general=general,
            terms_id=terms_id,
        )
    return Terms(checked.name, checked.version, digest, valid_from, general, loaded)


def _convert(text: str, file: str, path: tuple[str, ...], value: Any, kind: Any) -> Any:  # noqa: ANN401 - TOML in, struct out
    try:
        return msgspec.convert(value, kind, dec_hook=units.read)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        inner = [part for part in re.split(r"[.\[\]$`]+", where) if part]
        missing = re.search(r"field `([^`]+)`", what)
        full = (*path, *(part for part in inner if not part.isdigit() and part != "..."))
        name = ".".join((*full, *([missing[1]] if missing else [])))
        what = re.sub(r"^Object (missing required|contains unknown) field.*", r"\1 field", what)
        raise TermsError(f"{file}:{line_of(text, full)}: {name}: {what}") from None


def _check_text(text: str, file: str, path: tuple[str, ...], template: str, says: frozenset[str]) -> None:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise TermsError(f"{file}:{line_of(text, path)}: {'.'.join(path)}: {error}") from None
    unknown = names - says
    if unknown:
        raise TermsError(
            f"{file}:{line_of(text, path)}: {'.'.join(path)}: no placeholder {{{min(unknown)}}}; "
            f"there are {', '.join(sorted(says))}"
        )


def join_terms(versions: Sequence[Terms]) -> TermsSet:
    """Put versions into order.

    Raises:
        TermsError: none given, or two in force from the same time.
    """
    ordered = sorted(versions, key=lambda terms: terms.valid_from)
    if not ordered:
        raise TermsError("no terms were given")
    for earlier, later in pairwise(ordered):
        if earlier.valid_from == later.valid_from:
            raise TermsError(f"{earlier.terms_id} and {later.terms_id} are in force from the same time; set valid_from")
    return TermsSet(tuple(ordered))
