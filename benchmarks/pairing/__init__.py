"""`python -m benchmarks.pairing`: the pairs of a mining against a truth that says what every reply answers."""
