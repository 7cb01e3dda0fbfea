"""Pictures: numbers in, a matplotlib Figure out. Nothing outside this package imports matplotlib."""
