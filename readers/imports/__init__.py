"""Runs of other trackers into a store: see importer for what is promised, and a module for each kind of source."""
