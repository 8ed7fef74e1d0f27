"""The three checks in Bytewax: Kafka operators, `key_on` with `stateful_flat_map`, a recovery store (SQLite).

As its documentation has it: `bytewax.connectors.kafka.operators`, recovery partitions made before the start and given
by `-r` (docs/concepts/recovery), snapshots each ten seconds (`-s 10`).
"""

import json

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

from bench.checks import is_inpatient, judge_institution, judge_person, key_of
from bench.peers import given

progress = given.progress()


def settlement(message):
    claim = json.loads(message.value)
    return claim if claim["type"] == "settlement" else None


def person(state, claim):
    progress.persons += 1
    return judge_person(state, claim)


def institution(state, claim):
    progress.institutions += 1
    return judge_institution(state, claim, given.QUOTAS[claim["fixmedins_code"]])


def message(keyed):
    _, alert = keyed
    return KafkaSinkMessage(key_of(alert).encode(), json.dumps(alert).encode())


flow = Dataflow("three-checks")
kafka = kop.input("claims", flow, brokers=[given.SERVERS], topics=[given.CLAIMS])
settlements = op.filter_map("settlements", kafka.oks, settlement)
by_person = op.key_on("by-person", settlements, lambda claim: claim["psn_no"])
of_persons = op.stateful_flat_map("person", by_person, person)
inpatient = op.filter("inpatient", settlements, is_inpatient)
by_institution = op.key_on("by-institution", inpatient, lambda claim: claim["fixmedins_code"])
of_institutions = op.stateful_flat_map("institution", by_institution, institution)
alerts = op.map("messages", op.merge("alerts", of_persons, of_institutions), message)
kop.output("out", alerts, brokers=[given.SERVERS], topic=given.ALERTS)
