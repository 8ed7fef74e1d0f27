"""What must be found: the findings that the plan entails."""

from dataclasses import dataclass

from monitor.simulator.formats import Wire


@dataclass(frozen=True, order=True)
class Label:
    """One finding that the plants entail, in the terms of the alerts.

    Attributes:
        rule: rule that must fire.
        about_kind: `settlement`, `stay`, `fee-line`, `leave` or `institution`.
        about_id: id in the form of the contract.
        discriminator: None where the rule has none.
    """

    rule: str
    about_kind: str
    about_id: str
    discriminator: str | None = None

    def to_wire(self) -> Wire:
        """The label as it stands in a labels file."""
        return {
            "rule": self.rule,
            "about": {"kind": self.about_kind, "id": self.about_id},
            "discriminator": self.discriminator,
        }
