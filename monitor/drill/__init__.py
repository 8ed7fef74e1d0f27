"""A drill for operators: a real fault for each of Prometheus's alerting rules, until each is seen to fire."""
