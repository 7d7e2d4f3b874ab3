"""Load tests: proxyd measured beside nginx, HAProxy and Caddy (see README.md in this directory)."""
