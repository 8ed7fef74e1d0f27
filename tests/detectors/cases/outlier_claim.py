"""Cases of outlier-claim, with a model fitted on ordinary settlements of 2026-01."""

from tests.detectors.case import Case
from tests.facts import reversal, settlement
from tests.forest.claims import fitted

MODEL = fitted
NOON = "2026-01-21 12:00:00"
ORDINARY = settlement(
    setl_time=NOON, medfee_sumamt="130.00", fund_pay_sumamt="80.00", dscg_maindiag_code="J06.9", fulamt_ownpay_amt="5"
)
HUGE = ORDINARY | {"medfee_sumamt": "200000.00", "fund_pay_sumamt": "200000.00", "setl_time": "2026-01-24 03:00:00"}
FAR = {"insuplc_admdvs": "320100", "mdtrt_admdvs": "320500"}
FIRING = [
    Case("a huge bill at night on a weekend", [HUGE | FAR], {("settlement", "S1", None)}),
    Case("the same among ordinary ones", [ORDINARY | {"setl_id": "S0"}, HUGE | FAR], {("settlement", "S1", None)}),
    Case(
        "settled again after a reversal",
        [HUGE | FAR, reversal(setl_time="2026-01-25 00:00:00"), HUGE | FAR | {"setl_id": "S2"}],
        {("settlement", "S2", None)},
    ),
]

QUIET = [
    Case("an ordinary settlement", [ORDINARY]),
    Case("a huge bill that was reversed", [HUGE | FAR, reversal(setl_time="2026-01-25 00:00:00")]),
]
