"""What master, workers and helper share: segments in memory, their layout, the counters."""
