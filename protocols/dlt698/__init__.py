"""Frames of DL/T 698.45: Chinese terminals and meters, object oriented."""
