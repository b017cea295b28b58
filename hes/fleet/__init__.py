"""The simulated fleet: modems and meters with faults, to dial into any head-end."""
