"""proxyd: a reverse proxy that reads nginx.conf. Python compiles and supervises, a C engine serves."""

__version__ = "0.1.0"
