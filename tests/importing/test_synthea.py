"""What becomes of the rows of a Synthea export."""

import doctest
import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.importing import synthea_values
from monitor.importing.synthea import import_synthea
from monitor.importing.tables import Problem, TableError
from tests.importing.exports import BEGIN, END, TABLES, export


def facts(folder: Path, kind: str = "") -> list[dict[str, Any]]:
    """The objects of an export that has no bad row."""
    problems: list[Problem] = []
    found = [msgspec.json.decode(one.line) for one in import_synthea(folder, problems.append)]
    assert problems == []
    return [one for one in found if kind in ("", one["type"])]


def encounter(kind: str, begin: str = BEGIN, end: str = END) -> str:
    return f"M1,{begin},{end},P1,H1,R1,{kind},185345009,85.55,100.55,40.00\n"


def test_a_claim_becomes_a_settlement_with_its_charges_as_lines(tmp_path: Path) -> None:
    """Insurers' payments are the fund's, all others the person's; transfers between payers are no money."""
    (settlement,) = facts(export(tmp_path), "settlement")
    assert settlement == {
        "type": "settlement",
        "setl_id": "S1",
        "mdtrt_id": "M1",
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "setl_time": END,
        "begntime": BEGIN,
        "endtime": END,
        "med_type": "11",
        "medfee_sumamt": "85.55",
        "fund_pay_sumamt": "50.00",
        "psn_cash_pay": "35.55",
        "atddr_no": "R1",
        "lines": [
            {
                "feedetl_sn": "L1",
                "fee_ocur_time": BEGIN,
                "med_list_codg": "185345009",
                "cnt": 1,
                "pric": "85.55",
                "det_item_fee_sumamt": "85.55",
                "med_chrgitm_type": "12",
                "bilg_dr_codg": "R1",
            }
        ],
    }


def test_the_registry_comes_first_with_coordinates_of_six_decimals(tmp_path: Path) -> None:
    """The contract takes no more decimals; half is rounded up."""
    first, second, third, *_ = facts(export(tmp_path))
    assert (first["type"], second["type"], third["type"]) == ("institution", "physician", "enrolment")
    assert (first["lng"], first["lat"]) == ("-71.880138", "42.100000")
    assert (second["dr_codg"], second["fixmedins_code"], second["status"]) == ("R1", "H1", "registered")
    assert (third["gend"], third["brdy"]) == ("2", "1980-05-06")


@pytest.mark.parametrize(
    ("encounter_class", "med_type"),
    [("wellness", "11"), ("outpatient", "11"), ("urgentcare", "13"), ("emergency", "13"), ("EMERGENCY", "13")],
)
def test_the_class_of_an_encounter_decides_the_type_of_care(
    tmp_path: Path, encounter_class: str, med_type: str
) -> None:
    """Care without a bed has no admission."""
    folder = export(tmp_path, encounters=encounter(encounter_class))
    assert facts(folder, "settlement")[0]["med_type"] == med_type
    assert facts(folder, "admission") == facts(folder, "discharge") == []


@pytest.mark.parametrize("encounter_class", ["inpatient", "snf", "hospice"])
def test_a_stay_has_an_admission_and_a_discharge(tmp_path: Path, encounter_class: str) -> None:
    """Nursing homes and hospices are stays too."""
    folder = export(tmp_path, encounters=encounter(encounter_class))
    (admission,), (discharge,) = facts(folder, "admission"), facts(folder, "discharge")
    assert (admission["begntime"], admission["upld_time"], admission["med_type"]) == (BEGIN, BEGIN, "21")
    assert discharge["endtime"] == END


def test_a_stay_that_goes_on_is_settled_in_part(tmp_path: Path) -> None:
    """Without STOP there is no discharge, and the settlement is interim."""
    folder = export(tmp_path, encounters=encounter("inpatient", end=""))
    (settlement,) = facts(folder, "settlement")
    assert (settlement["final"], settlement["setl_time"]) == ("0", BEGIN)
    assert "endtime" not in settlement
    assert facts(folder, "discharge") == []


@pytest.mark.parametrize(
    ("charged", "settled"), [("2024-03-01T02:29:59Z", END), ("2024-03-01T02:30:01Z", "2024-03-01T02:30:01Z")]
)
def test_a_claim_is_settled_after_its_last_charge(tmp_path: Path, charged: str, settled: str) -> None:
    """Procedures may run on beyond the encounter's STOP; a line after its settlement would lie in the future."""
    charge = f"L1,S1,CHARGE,85.55,,{charged},185345009,1,85.55,0.00,R1\n"
    (settlement,) = facts(export(tmp_path, claims_transactions=charge), "settlement")
    assert (settlement["setl_time"], settlement["endtime"]) == (settled, END)


@pytest.mark.parametrize(
    ("stop", "dispenses", "days"),
    [
        ("2024-03-31T02:00:00Z", 1, 30),
        ("2024-06-01T02:00:00Z", 1, 92),
        ("2024-06-02T02:00:00Z", 1, 0),
        ("2024-06-02T02:00:00Z", 3, 31),
        ("2024-03-02T01:59:59Z", 1, 0),
        ("2024-03-02T02:00:00Z", 1, 1),
        ("", 12, 0),
    ],
)
def test_days_of_supply_come_from_start_stop_and_dispenses(
    tmp_path: Path, stop: str, dispenses: int, days: int
) -> None:
    """A claim bills one dispensing; what lasts less than a day or more than 92 tells nothing: 0, unknown."""
    charge = f"L1,S1,CHARGE,10.00,,{BEGIN},308192,1,10.00,0.00,R1\n"
    medication = f"{BEGIN},{stop},M1,308192,10.00,0.00,{dispenses},{dispenses * 10}.00\n"
    folder = export(tmp_path, claims_transactions=charge, medications=medication)
    (line,) = facts(folder, "settlement")[0]["lines"]
    assert (line["med_chrgitm_type"], line["prd_days"]) == ("09", days)


@pytest.mark.parametrize(
    ("code", "description", "category"),
    [
        ("410401003", "Nursing care (regime/therapy)", "07"),
        ("399208008", "Chest X-ray", "03"),
        ("117010004", "Urine culture", "04"),
        ("67879005", "History and physical examination", "05"),
    ],
)
def test_the_category_of_a_procedure(tmp_path: Path, code: str, description: str, category: str) -> None:
    """By its code, then by the words of its description."""
    charge = f"L1,S1,CHARGE,10.00,,{BEGIN},{code},1,10.00,0.00,R1\n"
    folder = export(tmp_path, claims_transactions=charge, procedures=f"{BEGIN},M1,{code},{description},10.00\n")
    (line,) = facts(folder, "settlement")[0]["lines"]
    assert (line["med_chrgitm_type"], "prd_days" in line) == (category, False)


def test_an_export_without_claims_is_billed_by_encounter(tmp_path: Path) -> None:
    """The encounter's cost and its drugs' make one settlement; several dispensings are no single supply."""
    medications = (
        f"{BEGIN},2024-03-15T02:00:00Z,M1,308192,10.00,4.00,1,10.00\n"
        f"{BEGIN},2024-05-30T02:00:00Z,M1,198405,5.00,6.00,3,15.00\n"
    )
    folder = export(
        tmp_path,
        without=("claims", "claims_transactions"),
        medications=medications,
        procedures=f"{BEGIN},M1,399208008,Chest X-ray,15.00\n",
    )
    (settlement,) = facts(folder, "settlement")
    assert settlement["setl_id"] == "M1"
    assert (settlement["medfee_sumamt"], settlement["fund_pay_sumamt"]) == ("125.55", "50.00")
    assert settlement["psn_cash_pay"] == "75.55"
    told = [
        (line["med_list_codg"], line["cnt"], line["det_item_fee_sumamt"], line.get("prd_days"))
        for line in settlement["lines"]
    ]
    assert told == [
        ("185345009", 1, "85.55", None),
        ("399208008", 1, "15.00", None),
        ("308192", 1, "10.00", 14),
        ("198405", 3, "15.00", 0),
    ]


def test_a_death_counts_from_the_end_of_its_day(tmp_path: Path) -> None:
    """The export tells the day alone; a day of birth before 1970 begins the enrolment in 1970."""
    folder = export(tmp_path, patients="P1,1950-05-06,2024-03-01,M\n")
    assert facts(folder, "death") == [{"type": "death", "psn_no": "P1", "death_time": "2024-03-01T23:59:59Z"}]
    (enrolment,) = facts(folder, "enrolment")
    assert (enrolment["valid_from"], enrolment["brdy"]) == ("1970-01-01 00:00:00", "1950-05-06")


def test_facts_come_in_order_of_event_time(tmp_path: Path) -> None:
    """Whatever the order of the rows; the same export gives the same bytes."""
    visits = "".join(
        encounter("ambulatory", f"2024-03-0{day}T02:00:00Z", f"2024-03-0{day}T03:00:00Z").replace("M1", f"M{day}")
        for day in (3, 1, 2)
    )
    folder = export(tmp_path, without=("claims", "claims_transactions"), encounters=visits)
    assert [one["setl_id"] for one in facts(folder, "settlement")] == ["M1", "M2", "M3"]
    assert facts(folder) == facts(folder)


def test_bad_rows_are_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Each with file, line and column."""
    good = TABLES["encounters"].partition("\n")[2]
    folder = export(
        tmp_path,
        encounters=good + "M2,yesterday,,P1,H1,R1,ambulatory,1,1,1,1\n"
        f"M3,{BEGIN},{END},P1,H1,R1,spa,1,1,1,1\nM4,{BEGIN},{END},P1,H1,R1,ambulatory,1,much,1,1\n",
        claims="S1,R1,M1\nS2,R1,M9\n",
        patients="P1,1980-05-06,,F\nP2,06.05.1980,,F\n",
    )
    problems: list[Problem] = []
    found = import_synthea(folder, problems.append)
    assert [one.kind for one in found].count("settlement") == 1
    assert [(one.file, one.line, one.column) for one in problems] == [
        ("patients.csv", 3, "BIRTHDATE"),
        ("encounters.csv", 3, "START"),
        ("encounters.csv", 4, "ENCOUNTERCLASS"),
        ("encounters.csv", 5, "BASE_ENCOUNTER_COST"),
        ("claims.csv", 3, "APPOINTMENTID"),
    ]


def test_a_packed_table_is_read_too(tmp_path: Path) -> None:
    """`.csv.gz` beside or instead of `.csv`."""
    folder = export(tmp_path)
    plain = facts(folder)
    for name in ("encounters", "claims"):
        path = folder / f"{name}.csv"
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert facts(folder) == plain


@pytest.mark.parametrize("table", ["organizations", "providers", "patients", "encounters", "claims_transactions"])
def test_a_table_that_must_be_there(tmp_path: Path, table: str) -> None:
    """The message names it."""
    with pytest.raises(TableError, match=f"holds no {table}.csv"):
        import_synthea(export(tmp_path, without=(table,)), lambda _problem: None)


@pytest.mark.parametrize("name", ["medications", "procedures"])
def test_a_table_that_may_be_missing(tmp_path: Path, name: str) -> None:
    """Claims alone make settlements."""
    assert len(facts(export(tmp_path, without=(name,)), "settlement")) == 1


def test_the_examples_of_the_values_hold() -> None:
    """Those in the docstrings."""
    outcome = doctest.testmod(synthea_values)
    assert outcome.attempted > 0
    assert outcome.failed == 0
