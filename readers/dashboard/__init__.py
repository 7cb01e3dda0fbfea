"""The dashboard: what a browser asks of a store, and who may ask."""
