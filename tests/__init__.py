"""Tests: behaviour first, real components."""
