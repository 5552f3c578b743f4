"""Benchmarks: `./run bench [NAME…]`. Ratios are against a limit measured in the same run; absolute times drift."""
