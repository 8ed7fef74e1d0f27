"""Histories made from the rules' own cases by chance, and the orders in which they may arrive."""
