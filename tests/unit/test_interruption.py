"""How a process ends by a signal, whatever it does just then."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.contract import role_readme

BEGIN = """
import os, signal, sys, threading, time
from ansible_collections.rowhouse.platform.plugins.module_utils.interruption import Interruption
lock = threading.Lock()

def is_to_be_had():
    \"\"\"Return whether another thread gets the lock.\"\"\"
    got = []
    thread = threading.Thread(target=lambda: got.append(lock.acquire(timeout=3)))
    thread.start()
    thread.join()
    return f"The lock is to be had: {got[0]}"
"""


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program],
        env=os.environ | {"PYTHONPATH": str(role_readme.ROOT / "collections")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_signal_during_a_fork_waits_until_it_is_over() -> None:
    """Some lock for the time of a fork what a thread of ours may need, as logging does."""
    process = start("""
def interrupted():
    lock.acquire()
    os.kill(os.getpid(), signal.SIGINT)

os.register_at_fork(before=interrupted, after_in_parent=lock.release)
Interruption(is_to_be_had).install()
child = os.fork()
if child == 0:
    time.sleep(60)
""")
    _, told = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "Ended by SIGINT. The lock is to be had: True" in told


def test_a_fork_waits_for_the_work_of_a_thread() -> None:
    """Else what the thread has locked, as OpenSSL does within it, stays locked in the child."""
    process = start("""
interruption = Interruption(lambda: "")
interruption.install()

def work():
    while True:
        with interruption.no_fork, lock:
            time.sleep(0.005)

threading.Thread(target=work, daemon=True).start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0 if lock.acquire(timeout=3) else 1)
    assert os.waitpid(child, 0)[1] == 0
""")
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0, told


def test_a_process_whose_output_nobody_reads_ends_too() -> None:
    process = start("""
Interruption(lambda: "").install()
print("begun", flush=True)
while True:
    print("x" * 1000, flush=True)
""")
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in {-signal.SIGINT, -signal.SIGALRM}
    process.communicate()


def test_a_child_that_ignores_the_signal_is_killed() -> None:
    process = start("""
Interruption(lambda: "").install()
child = os.fork()
if child == 0:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(60)
os.wait()
""")
    assert process.stdout
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
    # Killed, and perhaps left for the first process to wait for.
    with suppress(FileNotFoundError):
        assert Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    process.communicate()
