"""Ours beside its peers, in one run, on one machine.

    python -m benchmarks.log_call            what one log call costs the caller, and what a point costs in all
    python -m benchmarks.training_slowdown   what logging costs a training loop
    python -m benchmarks.write_throughput    points a second, bytes a point, memory
    python -m benchmarks.queries             questions over thousands of runs: time, cold and warm, and memory
    python -m benchmarks.many_runs           questions over 10⁷ to 10⁹ points: a folder, an S3 server, two Dask workers
    python -m benchmarks.upload_throughput   bringing a store to object storage, beside `aws s3 cp` and rclone
    python -m benchmarks.object_costs        what a store on object storage costs a month, on paper
    python -m benchmarks.tail_latency        from log call to a follower in another process
    python -m benchmarks.dashboard           how long a dashboard's server takes to answer its page, over HTTP
    python -m benchmarks.first_paint         how long a person waits for the dashboard's pages, in a real browser
    python -m benchmarks.live_feed           what the live feed costs the dashboard's server
    python -m benchmarks.live_page           whether a page in a real browser keeps up with live runs, for ten minutes
    python -m benchmarks.hosted_dashboard    what a dashboard with a page open costs the training beside it
    python -m benchmarks.forwarding          forwarding to MLflow: what it costs the caller, points a second, an outage
    python -m benchmarks.report              the last results as one table: benchmarks/results.md

Each prints one table and one JSON line, and keeps the line in benchmarks/results/. `--quick` is a smoke run: it proves
that everything works, its figures mean little, and it is kept nowhere unless `--results` says where.

The way of one figure: a script asks `environments` for a peer's virtual environment, `launch` runs `child` in it,
`child` drives one of the loops (`log_loops`, `training_loop`, `write_loop`, `following_loop`) on the peer's adapter
from `peers/`, and `launch` counts the CPU of every process that came of it until the last of them is gone. What runs
in a peer's environment needs the standard library only (the training loop and `query_data` need numpy). `queries` goes
the same way with the adapters of `queries_of/` and the jobs of `query_jobs`; `query_stores` keeps what the tools were
filled with.

Nothing here asserts on time: a benchmark that fails on a busy machine teaches people to ignore it.
"""
