"""CPE knowledge as data: which parameter gives which fact, in which unit, and what means that nothing was measured."""
