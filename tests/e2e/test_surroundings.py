"""What main directives give a worker's process: processors, priority, limits, directory, environment."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.support import KIND, Serve, make_server, only_worker, proxyd_only
from tests.e2e.upgrading import begin_upgrade, ended_at_last, finish
from tests.e2e.watching import wait_for_service, workers_of
from tests.support.client import fetch

HELLO = "server { listen 127.0.0.1:{port0}; return 200 hello; }"
CPUS = sorted(os.sched_getaffinity(0))

root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs the privileges of root")


def mask(*cpus: int) -> str:
    """As worker_cpu_affinity takes it."""
    return "".join("1" if cpu in cpus else "0" for cpu in range(max(cpus), -1, -1))


def test_each_worker_runs_on_the_processors_of_its_mask(serve: Serve) -> None:
    one = mask(CPUS[0])
    server = serve(HELLO, workers=2, main=f"worker_cpu_affinity {one} {mask(*CPUS)};")
    found = sorted(sorted(os.sched_getaffinity(pid)) for pid in workers_of(server, 2))
    assert found == sorted([[CPUS[0]], CPUS])
    server.wait_for_log(rf"\[notice\].*sched_setaffinity\(\): using cpu #{CPUS[0]}")


@pytest.mark.skipif(len(CPUS) < 2, reason="there is one processor")
def test_auto_gives_each_worker_a_processor_of_its_own(serve: Serve) -> None:
    server = serve(HELLO, workers=2, main=f"worker_cpu_affinity auto {mask(*CPUS[:2])};")
    found = sorted(os.sched_getaffinity(pid) for pid in workers_of(server, 2))
    assert sorted(map(sorted, found)) == [[CPUS[0]], [CPUS[1]]]
    assert os.sched_getaffinity(server.pid) == set(CPUS)


def test_priority_core_size_and_directory_are_those_of_the_configuration(
    serve: Serve, directory: Path
) -> None:
    place = directory / "cores"
    place.mkdir()
    main = f"worker_priority 7; worker_rlimit_core 12k; working_directory {place};"
    worker = only_worker(serve(HELLO, main=main))
    assert os.getpriority(os.PRIO_PROCESS, worker) == 7
    limits = Path(f"/proc/{worker}/limits").read_text()
    assert re.search(r"Max core file size +12288 +12288 +bytes", limits), limits
    if os.getuid() == 0:  # the worker is another user's, and has forbidden to be looked at by others
        assert os.readlink(f"/proc/{worker}/cwd") == str(place)


@root_only
def test_a_directory_that_cannot_be_entered_is_told(directory: Path) -> None:
    if KIND == "nginx":
        pytest.skip("nginx starts, and its workers die")
    server = make_server(directory, HELLO, main="working_directory /nonexistent;", options="")
    done = server.run()
    assert done.returncode == 1
    assert 'chdir("/nonexistent") failed (2: No such file or directory)' in done.stderr


TIMES = "log_format time '$time_local'; access_log {dir}/time.log time;\n"


@pytest.mark.parametrize(
    ("env", "outside", "zone"),
    [
        ("env TZ=Asia/Tokyo;", "UTC", "+0900"),
        ("", "Asia/Tokyo", "+0900"),  # TZ stays without being named
        ("env TZ;", "Asia/Tokyo", "+0900"),
    ],
)
def test_the_environment_sets_the_time_zone(serve: Serve, env: str, outside: str, zone: str) -> None:
    server = serve(TIMES + HELLO, main=env, env={"TZ": outside})
    assert fetch(server.port()).status == 200
    (line,) = server._wait_for_lines(server.directory / "time.log", "", 1)
    assert line.endswith(zone)


@proxyd_only("without a master it has no workers")
def test_without_a_master_process_there_is_one_worker(serve: Serve) -> None:
    server = serve(HELLO, workers=4, main="master_process off;")
    assert len(wait_for_service(server, 1)) == 1
    assert fetch(server.port()).body == b"hello"


@proxyd_only("a reload keeps its workers where it can")
def test_a_reload_that_changes_them_starts_new_workers(serve: Serve) -> None:
    server = serve(HELLO, workers=1)
    before = wait_for_service(server)
    text = server.config_path.read_text()
    server.config_path.write_text("worker_priority 3;\n" + text)
    assert server.run("reload").returncode == 0
    server.wait_for_log(r"new worker processes are started \(worker_priority\)")
    (worker,) = workers_of(server, without=before)
    assert os.getpriority(os.PRIO_PROCESS, worker) == 3


BINDS = """
server {{
    listen 127.0.0.1:{{port0}};
    proxy_bind 127.0.0.7{0};
    location / {{ proxy_pass http://127.0.0.1:{{port1}}; }}
    location /elsewhere {{
        proxy_bind 192.0.2.1{0};
        proxy_connect_timeout 100ms;
        proxy_pass http://127.0.0.1:{{port1}};
    }}
}}
server {{ listen 127.0.0.1:{{port1}}; return 200 $remote_addr; }}
"""
NET_RAW = 1 << 13


def capabilities(pid: int | str) -> int:
    """Those in effect."""
    found = re.search(r"^CapEff:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1], 16)


@pytest.mark.skipif(os.getuid() != 0 or not capabilities("self") & NET_RAW, reason="needs CAP_NET_RAW")
@proxyd_only("looks at proxyd's processes")
def test_workers_keep_one_capability_for_a_transparent_bind(serve: Serve) -> None:
    server = serve(BINDS.format(" transparent"))
    before = wait_for_service(server)
    assert [capabilities(pid) for pid in before] == [NET_RAW]
    assert fetch(server.port()).body == b"127.0.0.7"
    assert fetch(server.port(), "/elsewhere").status in (502, 504)  # what is sent back goes elsewhere
    assert "bind(" not in server.log()
    server.write_config(BINDS.format(""))
    assert server.run("reload").returncode == 0
    server.wait_for_log(r"new worker processes are started \(proxy_bind transparent\)")
    assert [capabilities(pid) for pid in workers_of(server, without=before)] == [0]


@proxyd_only("looks at proxyd's processes")
def test_what_env_sets_goes_to_a_new_program(serve: Serve) -> None:
    """The time zone is seen in what the new master itself writes."""
    server = serve(HELLO, main="env TZ=Asia/Tokyo;", env={"TZ": "UTC"})
    with ended_at_last(server):
        old, new = begin_upgrade(server)
        finish(old)
        (line,) = server.wait_for_log(rf" {new}#{new}: start worker processes")
        hour = datetime.now(ZoneInfo("Asia/Tokyo")).hour
        assert int(line[11:13]) in (hour, (hour - 1) % 24)


def test_the_words_of_nginx_about_itself_are_taken(serve: Serve) -> None:
    main = (
        "timer_resolution 100ms; pcre_jit on; debug_points stop; lock_file {dir}/lock;\n"
        "thread_pool default threads=2;"
    )
    events = "use epoll; accept_mutex on; accept_mutex_delay 100ms; multi_accept on; worker_aio_requests 16;"
    if KIND == "nginx":
        main = main.replace("thread_pool default threads=2;", "")
    server = serve(HELLO, main=main.replace("{dir}", "/tmp"), events=events)
    assert fetch(server.port()).body == b"hello"
