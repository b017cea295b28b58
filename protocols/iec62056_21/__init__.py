"""IEC 62056-21 (formerly IEC 1107): readout and programming of meters in modes A to E, sans-io."""
