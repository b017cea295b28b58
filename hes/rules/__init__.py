"""Pure rules: facts in, judgements out; no clock, no socket, no store."""
