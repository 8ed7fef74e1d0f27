"""What stands, in numbers: the totals follow every alert, wherever it goes."""

from monitor.memory_store import MemoryStore
from monitor.records import AlertChange
from monitor.totals import Standing, Total, Totals
from tests.facts import CERTNO_A, CERTNO_B, Wire, at, enrolment, reversal, run, settlement

OWN = enrolment(certno=CERTNO_A)
WRONG = settlement(certno=CERTNO_B)
ELSEWHERE = WRONG | {"fixmedins_code": "H2", "fund_pay_sumamt": "61.00", "upld_time": at(1)}


def standing(*objects: Wire) -> dict[str, Total]:
    """Totals by institution after these facts, one record at a time."""
    found = Standing()
    totals = Totals(found)
    totals.load(MemoryStore())

    def count(change: AlertChange) -> None:
        totals.take([change])

    run(objects, batch=1, on_change=count)
    assert found.institutions == totals.institutions
    return found.institutions


def held(*objects: Wire) -> dict[str, tuple[int, int]]:
    """Alerts that stand and their money (fen) by institution, where there are any."""
    return {name: (total.alerts, total.amount) for name, total in standing(*objects).items() if total.alerts}


def test_an_alert_and_its_money_count_where_they_stand() -> None:
    """Raised, revised in its place, withdrawn."""
    assert held(OWN, WRONG) == {"H1": (1, 6000)}
    assert held(OWN, WRONG, WRONG | {"fund_pay_sumamt": "61.00", "upld_time": at(1)}) == {"H1": (1, 6100)}
    assert held(OWN, WRONG, reversal(setl_time=at(2))) == {}


def test_a_revision_that_names_another_institution_moves_alert_and_money_there() -> None:
    """As if it had been the first to come; nothing is left behind, not even after a withdrawal."""
    assert held(OWN, WRONG, ELSEWHERE) == held(OWN, ELSEWHERE) == {"H2": (1, 6100)}
    gone = standing(OWN, WRONG, ELSEWHERE, reversal(setl_time=at(2)))
    assert {name: (total.alerts, total.amount) for name, total in gone.items()} == {"H1": (0, 0), "H2": (0, 0)}
