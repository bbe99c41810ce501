# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel tells of a process, of a module, and of the CPUs."""

import glob
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from processes import deadline

PT_LOAD = 1
REALTIME = os.SCHED_RR, os.sched_param(1)


def until(condition, what, timeout=20):
    """Polls: what is waited for has no event of its own."""
    end = time.monotonic() + deadline(timeout)
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise TimeoutError(what)


def read(path):
    """A small file; empty if it has gone meanwhile."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def number(text, name):
    """The number behind a name in a status file."""
    found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def cpu_clock(pid):
    """The kernel's clock of a process's CPU time, ended threads included: the
    one that clock_getcpuclockid gives."""
    return ~pid << 3 | 2


class Usage:
    """What a process has used so far. All but the CPU time is of its living
    threads: a thread of pcscd's ends with its client."""

    def __init__(self, pid):
        tasks = glob.glob(f"/proc/{pid}/task/*")
        states = [read(f"{task}/status") for task in tasks]
        stats = [read(f"{task}/stat").rpartition(")")[2].split()
                 for task in tasks]
        tick = 10 ** 9 // os.sysconf("SC_CLK_TCK")
        self.threads = len(tasks)
        self.switches = sum(number(state, "voluntary_ctxt_switches")
                            for state in states)
        self.cpu = time.clock_gettime_ns(cpu_clock(pid))
        self.user = tick * sum(int(stat[11]) for stat in stats if stat)
        self.system = tick * sum(int(stat[12]) for stat in stats if stat)
        self.memory = 1024 * number(read(f"/proc/{pid}/status"), "RssAnon")


def loaded_size(module):
    """Bytes of an ELF file that are loaded into memory; symbols are not."""
    with open(module, "rb") as file:
        image = file.read()
    wide = image[4] == 2
    order = "<" if image[5] == 1 else ">"
    if wide:
        start, = struct.unpack_from(order + "Q", image, 32)
        size, count = struct.unpack_from(order + "HH", image, 54)
    else:
        start, = struct.unpack_from(order + "I", image, 28)
        size, count = struct.unpack_from(order + "HH", image, 42)
    total = 0
    for place in range(start, start + size * count, size):
        kind, = struct.unpack_from(order + "I", image, place)
        if kind == PT_LOAD:
            total += struct.unpack_from(order + ("Q" if wide else "I"), image,
                                        place + (32 if wide else 16))[0]
    return total


def split_cpus(together):
    """(a CPU for pcscd, those for the others); (None, None) if that cannot be
    chosen here."""
    cpus = sorted(os.sched_getaffinity(0))
    if not shutil.which("taskset"):
        return None, None
    if together or len(cpus) < 2:
        return cpus[0], {cpus[0]}
    return cpus[0], set(cpus[1:])


def may_go_realtime():
    """Whether the next function works here; shows it on a child."""
    child = subprocess.Popen(["sleep", "10"])
    try:
        os.sched_setscheduler(child.pid, *REALTIME)
        return True
    except PermissionError:
        return False
    finally:
        child.kill()
        child.wait()


def go_realtime():
    """Before all other work, as on a machine that has none; children too."""
    os.sched_setscheduler(0, *REALTIME)


def count_calls(pid, work):
    """System calls of the process while work() runs; None without strace."""
    if not shutil.which("strace"):
        return None
    with subprocess.Popen(
            ["strace", "-f", "-qq", "-c", "-U", "calls,name", "-p", str(pid)],
            stderr=subprocess.PIPE, text=True) as strace:
        until(lambda: number(read(f"/proc/{pid}/status"), "TracerPid")
              or strace.poll() is not None, "strace")
        work()
        strace.send_signal(signal.SIGINT)
        told = strace.communicate()[1]
    found = re.search(r"^\s*(\d+) total", told, re.MULTILINE)
    return int(found[1]) if found else None
