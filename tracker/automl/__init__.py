"""AutoML tracking: a search is a run, each of its trials a child of it, and a report says what came of them."""
