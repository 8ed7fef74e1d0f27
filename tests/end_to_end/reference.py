"""What `claims-monitor backtest` gives for a file: the alerts as bytes, and the state behind them."""

from pathlib import Path
from typing import Any

from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.models import load_scorer
from monitor.ndjson import open_lines
from monitor.state import KEY_HEADS, PERSON_HEADS, key_of, person_of
from monitor.terms_files import load_terms
from monitor.timeline import place
from monitor.worker.histories import key_history, person_history
from tests.end_to_end.program import run

History = dict[str, Any]


class Reference:
    """A file judged in one pass.

    Attributes:
        facts: the file.
        alerts: what the command prints.
        persons: person -> facts and findings.
        keys: kind and key -> sums of days, facts and findings.
    """

    def __init__(self, facts: Path, model: Path | None = None) -> None:
        self.facts = facts
        self.alerts = run("backtest", str(facts), *([] if model is None else ["--model", str(model)]))
        backtest = Backtest(Engine(load_terms(None), 1, "contributions", load_scorer(model)))
        with open_lines(str(facts)) as (lines, _):
            backtest.run(place(lines))
        self.persons = persons_in(backtest._persons)
        self.keys = keys_in(backtest._keys)

    @property
    def institutions(self) -> list[str]:
        """Institutions with anything in their state."""
        return sorted(key for kind, key in self.keys if kind == "institution")


def persons_in(store: MemoryStore) -> dict[str, History]:
    """Every person's history, without what depends on arrival."""
    found = {head: person_history(head, store) for head in store.keys(PERSON_HEADS)}
    return {person_of(head): comparable(history) for head, history in found.items() if history}


def keys_in(store: MemoryStore) -> dict[tuple[str, str], History]:
    """Every other key's history, without what depends on arrival.

    Whether a key is left behind empty (all it held was cancelled) depends on what was judged in one batch.
    """
    found = {head: key_history(head, store) for head in store.keys(KEY_HEADS)}
    compared = {key_of(head): comparable(history) for head, history in found.items() if history}
    return {key: history for key, history in compared.items() if any(history.values())}


def key_floors(store: MemoryStore) -> dict[tuple[str, str], str]:
    """From when on every other key's days are kept, of those that forgot any."""
    found = {head: key_history(head, store) for head in store.keys(KEY_HEADS)}
    return {key_of(head): history["kept_from"] for head, history in found.items() if history and history["kept_from"]}


def since(floor: str, history: History) -> History:
    """What lies after a time at which days are kept: how long older ones stay depends on the pace of partitions."""
    return history | {
        "days": {day: pane for day, pane in history["days"].items() if day >= floor[:10]},
        "findings": [held for held in history["findings"] if held["window"]["from"] >= floor],
    }


def comparable(history: History) -> History:
    """Without revision numbers and the begin of what is kept, findings in order, days without sums left out."""
    findings = [{name: value for name, value in held.items() if name != "revision"} for held in history["findings"]]
    kept = {"facts": history["facts"], "findings": sorted(findings, key=str)}
    if "days" in history:
        kept["days"] = {day: pane for day, pane in sorted(history["days"].items()) if pane}
    return kept
