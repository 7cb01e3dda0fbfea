"""Loggers and callbacks for other people's libraries: a file each, which imports its library; none is imported here."""
