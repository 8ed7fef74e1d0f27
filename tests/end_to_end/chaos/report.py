"""What a campaign did and how it ended."""

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Strike:
    """One strike.

    Attributes:
        kind: which.
        kills: whether a process was killed -9.
        in_flight: facts written and not acknowledged when it fell.
        alerts_before: changes of alerts between the strike before and this one.
        alerts_after: changes of alerts seen soon after it.
        seconds: from the facts before it to the alerts after it.
        skipped: why it was not possible on this machine.
    """

    kind: str
    kills: bool
    in_flight: int = 0
    alerts_before: int = 0
    alerts_after: int = 0
    seconds: float = 0
    skipped: str = ""

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.kind}: skipped, {self.skipped}"
        return (
            f"{self.kind}: {self.in_flight} facts in flight, {self.alerts_before} changes of alerts before it and "
            f"{self.alerts_after} after it, {self.seconds} s"
        )


@dataclass
class Report:
    """A campaign.

    Attributes:
        seed: decides lots and facts.
        facts: lines that were played.
        alerts: that stand in the end.
        changes: records in the log of alerts, transaction markers included.
        strikes: in order.
        differences: by what was compared, how much differs from the single pass.
        seconds: of all of it.
    """

    seed: int
    facts: int
    alerts: int
    changes: int = 0
    strikes: list[Strike] = field(default_factory=list)
    differences: dict[str, int] = field(default_factory=dict)
    seconds: int = 0

    def add(self, strike: Strike) -> None:
        """Note a strike."""
        self.strikes.append(strike)

    @property
    def kills(self) -> int:
        """Processes killed -9 with facts in flight and alerts before and after."""
        return sum(strike.kills for strike in self.strikes)

    @property
    def total_differences(self) -> int:
        """All differences."""
        return sum(self.differences.values())

    def json(self) -> str:
        """For programs."""
        content = dataclasses.asdict(self) | {"kills": self.kills, "total_differences": self.total_differences}
        return json.dumps(content, indent=1) + "\n"

    def markdown(self, command: str) -> str:
        """For people."""
        counts = Counter(strike.kind for strike in self.strikes if not strike.skipped)
        in_flight = Counter[str]()
        for strike in self.strikes:
            in_flight[strike.kind] += strike.in_flight
        lines = [
            "# Kill campaign",
            "",
            f"`{command}`",
            "",
            f"Seed {self.seed}: {self.kills} kills -9 among {sum(counts.values())} strikes, {self.facts} facts,",
            f"{self.alerts} standing alerts, {self.seconds} s.",
            f"**Differences from the single pass: {self.total_differences}.**",
            "",
            "Every strike fell while facts were written and not acknowledged, with alerts before and after it.",
            "",
            "| strike | times | facts in flight |",
            "| --- | --- | --- |",
            *(f"| {kind} | {count} | {in_flight[kind]} |" for kind, count in sorted(counts.items())),
            *(f"| {strike.kind} | skipped: {strike.skipped} | |" for strike in self.strikes if strike.skipped),
            "",
            "| compared with the single pass | differences |",
            "| --- | --- |",
            *(f"| {name} | {count} |" for name, count in self.differences.items()),
        ]
        return "\n".join(lines) + "\n"
