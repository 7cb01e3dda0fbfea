"""MLflow as a client of ours: its calls write our store, and its questions are answered from it.

MLflow finds the plugin by the package's entry points, and asks it for whatever begins with `steplog://`. Its calls
become the same events that a tracker appends, so what holds for a log call holds here: it is safe from the death of the
process when it returns. What MLflow has and we don't (experiments without runs, deleted runs, logged models) is kept as
facts of kinds that begin with `mlflow.`; our own readers show none of them.

    plugin        the entry points: light, as every process that imports mlflow imports it
    address       steplog:// addresses of stores and artifacts
    store         MLflow's AbstractStore: each method hands on to one of the following
    runlogging    a run's life, and what is logged to it
    writer        calls -> events
    told          what was told through MLflow alone: facts of our kinds, the last of each
    experiments   ids and names, deleted and restored ones, tags
    row           what a run's life comes to, in MLflow's words
    runs          our runs as MLflow's, found by their ids
    search        found by filters
    histories     a metric's points
    models        logged models
    modelstore    the methods about them
    inputs        data sets and models that a run used and made
    artifacts     a run's files
    registry      an empty registry of models, as MLflow's pages ask for one
    refused       what isn't supported, in words
"""
