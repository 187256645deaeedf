"""Our server beside others, under one load: `python -m benchmarks`."""
