"""How it runs: the Faust app, the engine and its state, alerts, metrics, pages and the command line.

`monitor/engine.py` is free of I/O and clock; `monitor/app.py` is the one place that wires the parts together;
`monitor/clock.py` is the one place that reads the wall clock.
"""
