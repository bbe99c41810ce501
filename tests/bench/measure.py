# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""One run of one driver under the lab: figures as JSON. figures calls it.

    measure.py BUNDLE OPTIONS    options as JSON: part, movements, pace, ...

Each figure is a list of samples, None for one that did not come.
"""

import glob
import json
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../lab")]

# pylint: disable=wrong-import-position
import lab
import namespaces
from machine import (Usage, count_calls, go_realtime, loaded_size, read,
                     split_cpus, until)
from processes import Process
from records import Journal, commands_by_movement, events, latencies

WATCHED = "/run/lab/watched"
UDEV = {"SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}     # its sysfs is no real one
SELECT = "transmit 00a40000"
GRACE = 5.0         # pcscd powers an unused card down after so many seconds
SETTLE = 0.5        # longer than any driver goes on after what it was told
READERS = 4         # more readers, to see what one costs
PRESENCES = 100


def listens():
    """Whether pcscd takes clients."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(lab.SOCKET) == 0


class Session:
    """A bench with a quiet pcscd on a CPU of its own, if there are two."""

    def __init__(self, bundle, options):
        self.options = options
        self.bundle = bundle
        namespaces.enter()      # starts anew: what it shall inherit comes next
        self.cpu, others = split_cpus(options["together"])
        if others:
            os.sched_setaffinity(0, others)
        if options["realtime"]:
            go_realtime()
        self.bench = lab.Lab(bundles=[bundle])

    def start_pcscd(self):
        """Without its log, as it is used. Returns when it serves."""
        bench = self.bench
        pin = ["taskset", "-c", str(self.cpu)] if self.cpu is not None else []
        bench.pcscd = Process(
            [*pin, *lab.pcscd_command()],
            bench.environment(**UDEV), "pcscd")
        until(listens, "pcscd")

    def start_watch(self):
        """A client that waits for movements. It writes into a file: a reader
        of a pipe would be woken by each of its lines, and be in the way."""
        watch = self.bench.start(["sh", "-c", 'exec "$0" watch >"$1"',
                                  lab.program("pcsc-watch"), WATCHED])
        self.until_watched("readers")
        return watch

    def until_watched(self, words):
        """Until the client has written that."""
        return until(lambda: words in self.watched(), words)

    def watched(self):
        """What it has written."""
        return read(WATCHED)

    def start_client(self):
        """A client for single calls."""
        client = self.bench.start([lab.program("pcsc-watch"), "script"])
        self.ask(client, "readers")
        return client

    def ask(self, client, line, count=1):
        """One call, so many times; it must succeed."""
        mark = client.mark()
        client.send("\n".join([line] * count))
        _, found = client.wait_for(rf"^\d+ \d+ {line.split()[0]} (\S+)",
                                   mark=mark + count - 1)
        assert found[1] == "SCARD_S_SUCCESS", f"{line}: {found[1]}"

    def until_powered_down(self):
        """Until pcscd has taken the power from a card that nobody uses."""
        self.bench.wait("r", "c63>=1", GRACE + 10)
        time.sleep(SETTLE)

    def usage(self):
        """Of pcscd and the driver in it."""
        return Usage(self.bench.pcscd.pid)

    def commands(self):
        """Sent to the reader so far."""
        return self.bench.stats("r").get("commands", 0)

    def transfers(self):
        """Of any kind, to the reader so far, taken back ones too."""
        stats = self.bench.stats("r")
        return sum(stats.get(name, 0) for name in
                   ("out", "in", "interrupt", "controls", "discards"))


# --- open, movements: in one run

def open_figures(session, plugged):
    """Until the driver has come to rest after a reader was plugged in."""
    journal = Journal(session.bench.journal())
    opened = journal.times("open")[0]
    listed, _ = events(session.watched())[0]
    at_rest = max(journal.times("complete") + journal.times("submit"))
    return {
        "open-commands": [len(journal.commands(opened, float("inf")))],
        "open-controls": [len(journal.times("control"))],
        "open-taken-back": [len(journal.times("discard"))],
        "open-time": [at_rest - opened],
        "listed-time": [listed - plugged],
    }


def move(session, send):
    """Insertions and removals; this process sleeps while they are told."""
    control = session.bench.another_control()
    for _ in range(session.options["movements"]):
        for line in ("insert r 0 echo\n", "remove r 0\n"):
            send(control.socket, line)
            time.sleep(session.options["pace"])
    control.close()


def measure_movements(session):
    """Opening, then movements."""
    session.start_pcscd()
    session.start_watch()
    plugged = session.bench.plug("r")["time"]
    session.until_watched("event")
    time.sleep(SETTLE)
    figures = open_figures(session, plugged)
    move(session, lambda to, line: to.sendall(line.encode()))
    time.sleep(SETTLE)
    journal = Journal(session.bench.journal())
    told = latencies(journal, events(session.watched()))
    commands = commands_by_movement(journal)
    for word in ("insert", "remove"):
        figures[f"{word}-latency"] = told[word]
        figures[f"{word}-commands"] = commands[word]
    return figures


# --- what clients ask for

def commands_of(session, work):
    """How many commands something takes."""
    before = session.commands()
    work()
    return session.commands() - before


def connect_figures(session, client):
    """Powered down by pcscd for want of use, then still powered."""
    names = ["powered"]
    if session.options["grace"]:
        names.insert(0, "unpowered")
        session.until_powered_down()
    figures = {}
    for name in names:
        figures[f"connect-{name}-commands"] = [commands_of(
            session, lambda: session.ask(client, "connect virtual shared"))]
        if name != names[-1]:
            session.ask(client, "disconnect leave")
    return figures


def apdu_costs(session, client):
    """Commands, context switches and CPU time of pcscd by APDU."""
    n = session.options["apdus"]
    session.ask(client, SELECT, 10)     # what is made once is made
    before, commands = session.usage(), session.commands()
    session.ask(client, SELECT, n)
    after = session.usage()
    calls = count_calls(session.bench.pcscd.pid,
                        lambda: session.ask(client, SELECT, n))
    return {
        "apdu-commands": [(session.commands() - commands)
                          / (n if calls is None else 2 * n)],
        "apdu-switches": [(after.switches - before.switches) / n],
        "apdu-cpu": [(after.cpu - before.cpu) / n],
        "apdu-calls": [calls / n if calls else None],
    }


def apdu_times(session):
    """There and back, as the client sees it; from a file into a file."""
    script, result = "/run/lab/script", "/run/lab/result"
    with open(script, "w", encoding="ascii") as file:
        print("connect virtual shared", file=file)
        for _ in range(session.options["apdus"]):
            print(SELECT, file=file)
    done = session.bench.run(["sh", "-c", '"$0" script <"$1" >"$2"',
                              lab.program("pcsc-watch"), script, result])
    assert done.returncode == 0, done.stderr
    with open(result, encoding="ascii") as file:
        lines = [line.split() for line in file if " transmit " in line]
    assert all(line[3] == "SCARD_S_SUCCESS" for line in lines)
    return {"apdu-time": [int(line[1]) - int(line[0]) for line in lines]}


def measure_apdus(session):
    """All that a client with a card asks for."""
    session.bench.plug("r")
    session.start_pcscd()
    client = session.start_client()
    session.start_watch()
    session.bench.insert("r", 0, "echo")
    session.until_watched("present")
    figures = connect_figures(session, client)
    figures.update(apdu_costs(session, client))
    session.ask(client, "disconnect leave")
    figures.update(apdu_times(session))
    return figures


# --- at rest

def idle_figures(session, name):
    """What goes on while nothing happens, by minute."""
    seconds = session.options["idle"]
    before, transfers = session.usage(), session.transfers()
    time.sleep(seconds)
    after = session.usage()
    scale = 60 / seconds
    return {
        f"idle-{name}-transfers":
            [(session.transfers() - transfers) * scale],
        f"idle-{name}-wakeups": [(after.switches - before.switches) * scale],
        f"idle-{name}-cpu": [(after.cpu - before.cpu) * scale],
    }


def measure_idle(session):
    """An empty reader that has announced one movement truly, and one with a
    card that pcscd has powered down for want of use."""
    session.bench.plug("r")
    session.start_pcscd()
    watch = session.start_watch()
    session.until_watched("event")
    session.bench.insert("r", 0, "echo")
    session.until_watched("present")
    session.bench.remove("r", 0)
    # A client that waits without end asks pcscd anew each minute.
    watch.stop()
    # or pcscd's own look after that time counts
    time.sleep(SETTLE + (GRACE if session.options["grace"] else 0))
    figures = idle_figures(session, "empty")
    if session.options["grace"]:
        session.bench.insert("r", 0, "echo")
        session.until_powered_down()
        figures.update(idle_figures(session, "card"))
    return figures


# --- the driver itself

def reader_figures(session):
    """What one more reader costs in pcscd, its own event thread with it."""
    session.bench.plug("r")
    session.start_pcscd()
    session.bench.wait("r", "armed")
    time.sleep(SETTLE)
    before = session.usage()
    for i in range(READERS):
        session.bench.plug(f"r{i}")
        session.bench.wait(f"r{i}", "armed")
    time.sleep(SETTLE)
    after = session.usage()
    return {
        "reader-threads": [(after.threads - before.threads) / READERS],
        "reader-memory": [(after.memory - before.memory) / READERS],
    }


def presence_figures(session, module):
    """The module without pcscd, asked whether a card is there."""
    bench = session.bench
    plugged = bench.plug("p")
    bench.insert("p", 0, "echo")
    node = f"/dev/bus/usb/{int(plugged['bus']):03}/" \
           f"{int(plugged['address']):03}"
    host = Process([lab.program("host"), module], bench.environment(**UDEV))
    host.send(f"create 0 usb:04e6/5116:libudev:0:{node}")
    host.wait_for(" create 0 rc=0")
    host.send("power 0 up")
    host.wait_for(" power 0 rc=0")
    before = bench.stats("p").get("commands", 0)
    mark = host.mark()
    host.send("\n".join(["presence 0"] * PRESENCES + ["join"]))
    host.wait_for(" joined", mark=mark)
    commands = bench.stats("p").get("commands", 0) - before
    host.send("close 0")
    host.finish()
    bench.unplug("p")
    return {"presence-commands": [commands / PRESENCES]}


def measure_module(session):
    """Size, threads, memory; presence."""
    module, = glob.glob(os.path.join(session.bundle, "Contents/*/*.so"))
    figures = {"module-size": [loaded_size(module)]}
    figures.update(presence_figures(session, module))
    figures.update(reader_figures(session))
    return figures


PARTS = {
    "movements": measure_movements,
    "apdus": measure_apdus,
    "idle": measure_idle,
    "module": measure_module,
}


def main():
    """JSON on standard output."""
    options = json.loads(sys.argv[2])
    session = Session(sys.argv[1], options)
    with session.bench:
        figures = PARTS[options["part"]](session)
    print(json.dumps(figures))


main()
