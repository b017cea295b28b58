"""The side of the modem of every link, for the simulated fleet."""
