"""Frames of Q/GDW 376.1: Chinese concentrators and terminals."""
