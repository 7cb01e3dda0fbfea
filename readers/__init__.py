"""The way out: files scanned, folded to answers, drawn, followed. Imports ingest; `readers.store` is where to begin."""
