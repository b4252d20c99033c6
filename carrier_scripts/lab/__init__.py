"""Simulated carriers for learning, the demo and tests, and the judge of how they are used. No script imports it."""
