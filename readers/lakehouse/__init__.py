"""Lakehouse: a store's tables as Delta Lake or Apache Iceberg tables, for engines that keep such.

    export     one table after the other; what is there already
    rows       a table's rows in pieces of bounded size, whatever the store's
    datafiles  these as Parquet files of bounded size, each of one experiment
    target     what a table at its destination can do
    delta      Delta Lake: a folder, or a prefix of a bucket
    iceberg    Iceberg: a folder with a catalog in it, or a catalog of the user's

Nothing here imports deltalake or pyiceberg before an export asks for one of them.
"""
