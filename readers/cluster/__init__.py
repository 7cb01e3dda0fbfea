"""Readings spread over a cluster: sealed parts are read where there are many processors, the answers are the same.

A query is cut into chunks of parts as always (see readers.scan). With a cluster each chunk is a job (`work`): a worker
opens the same store, verifies the parts, reads what is asked of them and sends it back (`fanout`). What comes back is
used in the order of the chunks, so an answer is the one that this process would have computed by itself. What isn't
sealed yet is read by the asker. Who runs jobs is an `Engine`: `dask`, `ray`, or this process (`here`).

Workers have the same versions of steplog and Polars installed, and see the store under the same path.
"""
