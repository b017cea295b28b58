"""The PROT mode of cellular modems: one registration, then bytes with escapes."""
