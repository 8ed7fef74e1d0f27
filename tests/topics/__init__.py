"""Tests of the contract: what is decoded, admitted, and sent."""
