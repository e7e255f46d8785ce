"""Index benchmarks: measuring, sweeping and recommending indexes."""
