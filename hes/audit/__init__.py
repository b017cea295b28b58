"""What auditors ask of the event log, which is only read here.

Is it whole, what was known when, where does a number come from, and a bundle that proves it.
"""
