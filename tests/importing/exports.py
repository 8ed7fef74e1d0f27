"""Small Synthea exports made by hand."""

from collections.abc import Mapping
from pathlib import Path

BEGIN = "2024-03-01T02:00:00Z"
END = "2024-03-01T02:30:00Z"

TABLES: Mapping[str, str] = {
    "organizations": "Id,NAME,LAT,LON\nH1,Clinic One,42.1,-71.8801377883871\n",
    "providers": "Id,ORGANIZATION\nR1,H1\n",
    "patients": "Id,BIRTHDATE,DEATHDATE,GENDER\nP1,1980-05-06,,F\n",
    "encounters": "Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,ENCOUNTERCLASS,CODE,"
    "BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE\n"
    f"M1,{BEGIN},{END},P1,H1,R1,ambulatory,185345009,85.55,100.55,40.00\n",
    "claims": "Id,PROVIDERID,APPOINTMENTID\nS1,R1,M1\n",
    "claims_transactions": "ID,CLAIMID,TYPE,AMOUNT,METHOD,FROMDATE,PROCEDURECODE,UNITS,UNITAMOUNT,PAYMENTS,PROVIDERID\n"
    f"L1,S1,CHARGE,85.55,,{BEGIN},185345009,1,85.55,0.00,R1\n"
    f"L2,S1,PAYMENT,,ECHECK,{BEGIN},185345009,1,0.00,50.00,R1\n"
    f"L3,S1,TRANSFEROUT,,,{BEGIN},185345009,1,0.00,0.00,R1\n"
    f"L4,S1,PAYMENT,,COPAY,{BEGIN},185345009,1,0.00,35.55,R1\n",
    "medications": "START,STOP,ENCOUNTER,CODE,BASE_COST,PAYER_COVERAGE,DISPENSES,TOTALCOST\n",
    "procedures": "START,ENCOUNTER,CODE,DESCRIPTION,BASE_COST\n",
}


def export(folder: Path, without: tuple[str, ...] = (), **tables: str) -> Path:
    """Write an export of one visit; a table given here (without its header) replaces the rows of that name."""
    for name, text in TABLES.items():
        if name not in without:
            header = text.partition("\n")[0]
            rows = text if name not in tables else f"{header}\n{tables[name]}"
            (folder / f"{name}.csv").write_text(rows, encoding="utf-8")
    return folder
