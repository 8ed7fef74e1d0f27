"""`python -m examples.case_desk`: follow the alerts, list the cases, decide one."""

import argparse
import logging
import signal
import sys

from examples.case_desk.follow import follow
from examples.case_desk.store import Desk, opened
from topics.catalogue import ALERTS

DECISIONS = ("in-review", "explained", "confirmed", "dismissed")


def main() -> int:
    """Run the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="case_desk", description=__doc__)
    parser.add_argument("--database", default="cases.sqlite", help="a SQLite file, or postgresql://user@host/name")
    commands = parser.add_subparsers(dest="command", required=True)
    following = commands.add_parser("follow", help="take alerts in until Ctrl-C")
    following.add_argument("--bootstrap-servers", default="localhost:9092")
    following.add_argument("--prefix", default="", help="of topic names")
    following.add_argument("--group", default="case-desk", help="desks of one group share the partitions")
    following.add_argument("--instance", help="this desk's own name in the group: it goes on at once after a kill")
    listing = commands.add_parser("list", help="the cases, one a line")
    listing.add_argument("--state", choices=("open", "decided", "withdrawn"))
    deciding = commands.add_parser("decide", help="decide a case as it is now")
    deciding.add_argument("jr_id")
    deciding.add_argument("decision", choices=DECISIONS)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="case_desk: %(message)s")
    database = opened(given.database)
    try:
        desk = Desk(database)
        if given.command == "follow":
            stop: list[int] = []
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda received, _frame: stop.append(received))
            kafka = {"bootstrap_servers": given.bootstrap_servers.split(",")}
            follow(desk, given.prefix + ALERTS, given.group, kafka, lambda: bool(stop), given.instance)
        elif given.command == "list":
            for case in desk.cases(given.state):
                yuan = "-" if case.amount_fen is None else f"{case.amount_fen / 100:.2f}"
                sys.stdout.write(
                    f"{case.jr_id}  {case.state:9}  {case.rule_id:24}  {yuan:>12}  {case.institution or '-'}\n"
                )
        else:
            case = desk.case(given.jr_id)
            if case is None or not desk.decide(case.jr_id, case.event, given.decision):
                sys.stderr.write("case_desk: there is no such case to decide; `list --state open` shows those\n")
                return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
