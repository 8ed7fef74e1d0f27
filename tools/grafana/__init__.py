"""Grafana's dashboards as code: what they show (one module each), how it becomes Grafana's JSON, and pictures of it.

`python -m tools.grafana` writes dashboards/grafana/dashboards; a test holds the files against the code.
"""
