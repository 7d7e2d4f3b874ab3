"""proxyd: a reverse proxy for Linux that reads nginx.conf as it is."""

__version__ = "0.1.0"
