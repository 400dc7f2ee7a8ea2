"""How fast and how exact a detector is on this machine, on each runtime and in each precision."""
