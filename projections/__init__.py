"""Read models: each projection is one file, a fold of events and its SQL."""
