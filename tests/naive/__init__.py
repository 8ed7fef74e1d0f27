"""A second, naive implementation of the catalogue's rules over plain dicts: slow, and obviously right.

Written from the catalogue alone, it shares nothing with `detectors`. Money is in fen, times are local seconds,
default parameters stand where they are used.
"""
