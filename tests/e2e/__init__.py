"""What a user notices, from outside: a server in front of scripted peers, one file per theme.

`E2E_SERVER=nginx pytest tests/e2e` puts nginx in proxyd's place. That proves the tests themselves: what they
expect is what nginx does, except for those marked `proxyd_only`, which say why they are not for nginx.
"""
