"""What the doctor finds."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field


class Level(enum.StrEnum):
    """How a finding stands."""

    WELL = "well"
    NOTE = "note"
    """Worth knowing; nothing is wrong."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        check: what was looked at: broker, topics, offsets, lag, watermark ...
        where: topic, partition, worker or file; empty for the whole.
        level: how it stands.
        says: what was seen.
        advice: what to do; empty when nothing is wrong.
    """

    check: str
    where: str
    level: Level
    says: str
    advice: str = ""


@dataclass
class Report:
    """Findings in the order of the checks."""

    findings: list[Finding] = field(default_factory=list)

    def well(self, check: str, where: str, says: str) -> None:
        """Note that something is as it should be."""
        self.findings.append(Finding(check, where, Level.WELL, says))

    def note(self, check: str, where: str, says: str, advice: str = "") -> None:
        """Note something worth knowing."""
        self.findings.append(Finding(check, where, Level.NOTE, says, advice))

    def wrong(self, check: str, where: str, says: str, advice: str) -> None:
        """Note that something is wrong, and what to do."""
        self.findings.append(Finding(check, where, Level.WRONG, says, advice))

    def has_wrong(self, checks: Iterable[str] | None = None) -> bool:
        """Whether anything is wrong (in some checks)."""
        wanted = None if checks is None else set(checks)
        return any(each.level is Level.WRONG and (wanted is None or each.check in wanted) for each in self.findings)
