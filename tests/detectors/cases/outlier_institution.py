"""Cases of outlier-institution, with a model fitted on ordinary days of 2026-01 and 02."""

from tests.detectors.case import Case
from tests.facts import Wire, at, later, reversal, settlement, tick
from tests.forest.days import fitted_with_days

MODEL = fitted_with_days
START = tick(at(0, "00:00:00"))
OVER = tick(at(1, "00:00:00"))


def day(count: int, **fields: object) -> list[Wire]:
    """So many settlements of 150 yuan on the first day, of a person each."""
    return [
        settlement(
            f"S{number}",
            psn_no=f"P{number}",
            setl_time=later(at(0, "08:00:00"), number * 60),
            medfee_sumamt="150.00",
            fund_pay_sumamt="90.00",
            insuplc_admdvs="320100",
            mdtrt_admdvs="320100",
        )
        | fields
        for number in range(count)
    ]


WILD: Wire = {
    "setl_time": at(0, "23:00:00"),
    "mdtrt_admdvs": "320500",
    "medfee_sumamt": "9000.00",
    "fund_pay_sumamt": "9000.00",
}
FOUND = {("institution", "H1/2026-03-02", None)}

FIRING = [
    Case("dear settlements by night from elsewhere, as many as the gate asks", [START, *day(30, **WILD), OVER], FOUND),
    Case(
        "among ordinary ones",
        [START, *day(20), *(one | {"setl_id": f"X{one['setl_id']}"} for one in day(30, **WILD)), OVER],
        FOUND,
    ),
    Case(
        "late, after the day was judged",
        [START, *day(30), OVER, *(one | {"setl_id": f"X{one['setl_id']}"} for one in day(30, **WILD))],
        FOUND,
    ),
]

QUIET = [
    Case("an ordinary day", [START, *day(45), OVER]),
    Case("one settlement less than the gate asks", [START, *day(29, **WILD), OVER]),
    Case("a day that is not over", [START, *day(30, **WILD), tick(at(0, "23:59:59"))]),
    Case(
        "reversed until the gate is not passed",
        [START, *day(30, **WILD), OVER, reversal("S0", psn_no="P0", setl_time=at(1))],
    ),
    Case(
        "a year after the model",
        [
            tick("2027-03-01 00:00:00"),
            *day(30, **(WILD | {"setl_time": "2027-03-02 23:00:00"})),
            tick("2027-03-03 00:00:00"),
        ],
    ),
]
