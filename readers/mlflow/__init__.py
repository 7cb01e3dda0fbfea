"""MLflow: what a store holds, sent to a tracking server, from the files and never from a log call; and read there.

    forwarder   reads what is new in the store, until it is told to stop
    delivery    one request after the other, and what is refused
    creation    our runs made at the server, each once
    missing     runs that are to be sent whole, later
    attempts    again and again, later and later; the state that is told
    batches     rows of a store as requests within MLflow's limits
    names       names that MLflow takes for names that it wouldn't
    values      texts that MLflow keeps for values, and back
    moments     distinct points stay distinct, and a point sent twice stays one
    address     which server
    target      the server; each failure told as one of two: refused, or not now
    failures    what MLflow's client says, fit to be shown, and how long the server asks to wait
    progress    how far it has come, on disk
    setaside    records that the server doesn't take, kept and reported
    process     the forwarder as a process beside a training

    source        a server's runs as a Source of comparisons
    server        a server that is asked
    serverframes  its runs as tables
    foundruns     which of them a question is about, asked for as they are needed
    remoterun     one run, under the names that it has here
    histories     all points of metrics, read once

Nothing here imports mlflow but `target` and `server`, and they when they are first used.
"""
