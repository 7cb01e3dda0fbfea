"""AutoML reports: what came of a search for a model, from the run that it was and the trials below it."""
