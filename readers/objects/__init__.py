"""A store on object storage as a program sees it: the process that uploads, and the readers' view of the bucket."""
