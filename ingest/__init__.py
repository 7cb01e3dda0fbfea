"""The way in: events, the queue, the writer, files on disk. Imports nothing of ours."""
