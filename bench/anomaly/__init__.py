"""The anomaly score beside others: scikit-learn for parity, PyOD's detectors on tables, a cost ranking on regions.

`python -m bench.anomaly` runs all of it; PyOD is not among the project's requirements (`requirements.txt` here).
"""
