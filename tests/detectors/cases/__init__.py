"""Firing and quiet cases of each rule: `cases/a_b.py` holds those of rule `a-b`."""
