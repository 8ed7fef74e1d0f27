"""What lies on this machine: terms, model, data folder and disk."""

import os
import shutil
from pathlib import Path
from typing import Final

from detectors.terms import TermsError
from monitor import clock
from monitor.doctor.findings import Report
from monitor.models import ModelFileError, load_models
from monitor.terms_files import load_terms
from monitor.worker.agreement import Agreement
from topics.times import DAY, UTC_OFFSET

LEAST_FREE_BYTES: Final = 2 << 30
LEAST_FREE_SHARE: Final = 0.05
OLD_MODEL_DAYS: Final = 90


def check_agreement(report: Report, terms: Path | None, model: Path | None) -> Agreement | None:
    """Read terms and model as a worker would; gives what such a worker would judge with."""
    loaded = None
    try:
        loaded = load_terms(terms)
        report.well("terms", str(terms or "built in"), f"{loaded.set_id}: {len(loaded.versions)} version(s)")
    except TermsError as error:
        report.wrong(
            "terms", str(terms), str(error), "mend the file; `claims-monitor rules list --terms FILE` checks it"
        )
    try:
        models = load_models(model)
    except ModelFileError as error:
        report.wrong("model", str(model), str(error), "make one with `claims-monitor train`, or start without --model")
        return None
    default = models.default
    if default is None:
        says = f"{len(models.loaded)} given; the registry must say which scores" if models else "none given"
        report.note("model", str(model or ""), says, "see `claims-monitor models list`")
    else:
        days = int(clock.now_s() + UTC_OFFSET) // DAY - default.last_day
        says = f"{default.version}, its data end {days} days ago"
        if days > OLD_MODEL_DAYS:
            report.wrong("model", str(model), says, "train a new one on recent facts: `claims-monitor train`")
        else:
            report.well("model", str(model), says)
    return None if loaded is None else Agreement.of(loaded, None if default is None else default.version)


def check_disk(report: Report, data: Path) -> None:
    """Whether the data folder can be written and has room."""
    held = data
    while not held.exists():
        held = held.parent
    if not os.access(held, os.W_OK | os.X_OK):
        report.wrong("disk", str(data), "cannot be written by this user", f"give it to the user of the worker, {held}")
        return
    usage = shutil.disk_usage(held)
    says = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB"
    if usage.free < max(LEAST_FREE_BYTES, usage.total * LEAST_FREE_SHARE):
        advice = "make room, or move the data folder (--data): local state is rebuilt from the changelog"
        report.wrong("disk", str(data), says, advice)
    else:
        report.well("disk", str(data), says if data.exists() else f"{says}; the folder does not exist yet")
