import pytest

from monitor.page.standing import Entry, Filter, Standing, fen_of
from tests.page.made import alert, entries, withdrawal
from topics.money import BadNumber


def test_totals_count_every_alert_once_however_often_it_is_revised() -> None:
    standing = Standing()
    first, second = alert("S1"), alert("S2", rule_id="id-mismatch", sev_deg="2", vola_amt=None, fixmedins_code="H2")
    revised = alert("S1", vola_amt="100.00", sev_deg="1")
    for entry in entries(first, second, revised):
        standing.apply(entry)
    totals = standing.totals()
    assert totals["standing"] == 2
    assert totals["amount_fen"] == 10_000
    assert totals["by_severity"] == {"1": 1, "2": 1}
    assert totals["by_rule"]["repeat-visits"] == {"standing": 1, "amount_fen": 10_000, "amount": "100.00"}
    assert totals["by_rule"]["id-mismatch"]["amount"] == "0.00"
    assert sorted(totals["institutions"]) == [["H1", 1], ["H2", 1]]


def test_a_withdrawal_takes_the_alert_out_of_everything() -> None:
    standing = Standing()
    given = alert("S1")
    raised, withdrawn = entries(given, withdrawal(given))
    standing.apply(raised)
    change = standing.apply(withdrawn)
    assert change.before == raised
    assert standing.find(given.jr_id) is None
    empty = Standing().totals()
    assert standing.totals() == empty


def test_a_withdrawal_of_what_never_stood_changes_nothing() -> None:
    standing = Standing()
    (gone,) = entries(withdrawal(alert()))
    assert standing.apply(gone).before is None
    assert len(standing) == 0


def test_a_deleted_record_is_a_withdrawal() -> None:
    standing = Standing()
    (raised,) = entries(alert())
    standing.apply(raised)
    change = standing.gone(raised.alert.jr_id, 2, "2026-11-23 11:00:00")
    assert change is not None
    assert change.after.alert.status == "withdrawn"
    assert len(standing) == 0
    assert standing.gone(raised.alert.jr_id, 3, "2026-11-23 11:00:00") is None


def test_the_newest_are_kept_in_full_and_all_are_counted() -> None:
    """New is what happened last, not what was read last."""
    standing = Standing(keep=2)
    for order, (ident, at) in enumerate([("S1", "12:00"), ("S2", "10:00"), ("S3", "11:00"), ("S4", "09:00")]):
        standing.apply(Entry(alert=alert(ident), at=f"2026-11-23 {at}:00", order=order))
    assert standing.totals()["standing"] == 4
    assert standing.totals()["kept"] == 2
    total, newest = standing.newest(Filter(), 10)
    assert total == 2
    assert [entry.alert.about.id for entry in newest] == ["S1", "S3"]
    assert standing.newest(Filter(), 1)[1] == newest[:1]


def test_an_alert_no_longer_kept_in_full_still_leaves_the_totals() -> None:
    standing = Standing(keep=1)
    old, new = alert("S1"), alert("S2")
    for entry in (
        *entries(old, at="2026-11-23 09:00:00"),
        *entries(new),
        *entries(withdrawal(old), at="2026-11-23 12:00:00"),
    ):
        standing.apply(entry)
    assert standing.totals()["standing"] == 1
    assert standing.totals()["amount_fen"] == 12_345


def test_many_revisions_do_not_grow_without_bound() -> None:
    standing = Standing(keep=10)
    for order in range(5_000):
        standing.apply(Entry(alert=alert("S1"), at="2026-11-23 10:00:00", order=order))
    assert len(standing._oldest) < 2_000
    assert len(standing) == 1


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Filter(), True),
        (Filter(rule="repeat-visits"), True),
        (Filter(rule="repeat"), False),
        (Filter(institution="H1"), True),
        (Filter(institution="H"), False),
        (Filter(severity="3"), True),
        (Filter(severity="1"), False),
        (Filter(text="EIGHT week"), True),
        (Filter(text="就诊8次"), True),
        (Filter(text="eight month"), False),
        (Filter(text="settlement:s1"), True),
        (Filter(rule="repeat-visits", severity="1"), False),
    ],
)
def test_a_filter_takes_what_all_of_its_fields_take(wanted: Filter, taken: bool) -> None:
    (entry,) = entries(alert())
    assert wanted.takes(entry) is taken
    standing = Standing()
    standing.apply(entry)
    assert standing.count(wanted) == int(taken)


@pytest.mark.parametrize(
    ("amount", "fen"),
    [("0.00", 0), ("123.45", 12_345), ("-0.01", -1), ("99999999999.99", 9_999_999_999_999), (None, None)],
)
def test_amounts_are_read_exactly(amount: str | None, fen: int | None) -> None:
    assert fen_of(amount) == fen


@pytest.mark.parametrize("amount", ["", "1", "1.2", "1.234", "a.00", "1e3.00", "--1.00", "1.²0"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(BadNumber):
        fen_of(amount)
