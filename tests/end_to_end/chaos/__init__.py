"""Workers, broker, network and disks of a running cluster are hit again and again; nothing may be lost or said twice.

`campaign` plays facts and strikes; `kinds` says how it can strike; `field` holds what is struck,
and `report` tells the end.
"""
