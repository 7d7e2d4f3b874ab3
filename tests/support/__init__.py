"""What tests stand on: a scripted peer, a raw client, a strict message reader and servers to start.

Nothing in here imports proxyd: these tools judge it, and so share no code with it.

    messages.py   strict reading of HTTP/1 messages from a socket
    waiting.py    wait for a condition, never for a time
    ports.py      ports that stay ours from the moment the kernel gave them
    peer.py       a backend that follows a script and records what it saw
    client.py     a client that sends exactly the given bytes
    jitter/       random delays everywhere, for those who look for tests that pass by luck
    server.py     nginx or proxyd in the foreground, in a directory of its own
"""
