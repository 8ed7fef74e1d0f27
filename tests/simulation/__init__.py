"""The whole pipeline in one process, without broker, disk or real time, driven by a seed.

Units, their tasks and their accounting of offsets are the product's own (`monitor.worker.unit`,
`monitor.delivery.units`, `monitor.delivery.progress`, the engine); broker, group, disks, time and what goes wrong are
simulated. `python -m tests.simulation --seed N` plays one seed again.
"""
