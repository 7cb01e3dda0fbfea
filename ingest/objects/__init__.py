"""A store on object storage: what is sealed and written in a local spool goes to a bucket (see uploader)."""
