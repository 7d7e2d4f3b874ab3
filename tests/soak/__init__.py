"""The long versions of the tests of reloads and crashes, which measure as well.

    python -m tests.soak reload     200 reloads in 60 s under load, with 100 tunnels
    python -m tests.soak crash      100 kills of each: worker, backend, helper, master; then `stores`
    python -m tests.soak stores     kills of workers at their stores to shared memory
    python -m tests.soak big        reloads of 1,000 servers with 10,000 locations: time, and the longest wait
    python -m tests.soak limits     limits over several workers, and after kills; what a decision costs
    python -m tests.soak all        everything

Each prints a table of what was measured and what was wanted; --json prints the same for programs. The exit
status is 1 when something wanted was not reached. --scale 0.1 does a tenth of it.

    table.py        rows, and how they are shown
    sites.py        the servers and loads that the runs share
    reload.py crash.py big.py limits.py ...      the runs
    limit_bench.c   decisions of limit zones alone: their cost, and what a full zone forgets
    watchpoint.py   stops a process at its stores to an address (ptrace, debug registers)
    stores.py       kills at stores to shared memory
"""
