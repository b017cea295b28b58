"""Benchmarks: ratios against peers and raw ceilings, measured in the same run."""
