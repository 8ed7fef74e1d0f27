"""Cases of price-over-ceiling: D1 costs 1.50 yuan on the line."""

from tests.detectors.case import Case
from tests.facts import Wire, at, fee_lines, item, line, reversal, settlement, void


def one(**fields: object) -> Wire:
    """An upload of one line."""
    return fee_lines(line() | fields, med_type="11")


ABOUT = {("fee-line", "H1/V1/1", None)}

FIRING = [
    Case("a millionth over the line's ceiling", [one(pric_uplmt_amt="1.499999")], ABOUT),
    Case("over the registry's ceiling", [item(pric_uplmt_amt="1.4"), one()], ABOUT),
    Case("the line's ceiling beats the registry's", [item(pric_uplmt_amt="9"), one(pric_uplmt_amt="1.4")], ABOUT),
    Case("a registry that comes late", [one(), item(pric_uplmt_amt="1.4")], ABOUT),
    Case(
        "the registry's ceiling as of the charge",
        [item(pric_uplmt_amt="9"), item(pric_uplmt_amt="1.4", valid_from=at(0)), one()],
        ABOUT,
    ),
    Case("the largest amount that is a ceiling", [one(pric="9999999", pric_uplmt_amt="9999998.999999")], ABOUT),
    Case("in scope in part", [one(pric_uplmt_amt="1.4", inscp_scp_amt="0.01")], ABOUT),
    Case(
        "cancelled in part",
        [fee_lines(line(pric_uplmt_amt="1.4"), line("2", init_feedetl_sn="1", cnt=-1, det_item_fee_sumamt="-1.50"))],
        ABOUT,
    ),
    Case("inside a settlement", [settlement(mdtrt_id="V1", lines=[line(pric_uplmt_amt="1.4")])], ABOUT),
]

QUIET = [
    Case("the ceiling itself", [one(pric_uplmt_amt="1.5")]),
    Case("no ceiling known", [one()]),
    Case("a ceiling of 0 is none", [one(pric_uplmt_amt="0")]),
    Case("9,999,999 is none", [one(pric="10000000", pric_uplmt_amt="9999999")]),
    Case("no ceiling on the line beats the registry's", [item(pric_uplmt_amt="1.4"), one(pric_uplmt_amt="0")]),
    Case("the registry's ceiling of later", [item(pric_uplmt_amt="1.4", valid_from=at(1)), one()]),
    Case("out of scope", [one(pric_uplmt_amt="1.4", inscp_scp_amt="0")]),
    Case(
        "cancelled",
        [fee_lines(line(pric_uplmt_amt="1.4"), line("2", init_feedetl_sn="1", cnt=-2, det_item_fee_sumamt="-3.00"))],
    ),
    Case("deleted", [one(pric_uplmt_amt="1.4"), void("fee-lines", fixmedins_code="H1", mdtrt_id="V1", feedetl_sn="1")]),
    Case("the visit was reversed", [one(pric_uplmt_amt="1.4"), settlement(mdtrt_id="V1"), reversal()]),
]
