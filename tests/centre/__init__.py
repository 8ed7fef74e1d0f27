"""What the monitoring centre sees: metrics, Prometheus rules, Alertmanager routing, Grafana dashboards."""
