# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""One run of one driver under the lab: figures as JSON. figures calls it.

    measure.py BUNDLE OPTIONS    options as JSON: part, movements, pace, ...

Each figure is a list of samples, None for one that did not come.
"""

import glob
import json
import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../lab")]

# pylint: disable=wrong-import-position
import lab
import several
import trips
from machine import count_calls, loaded_size
from processes import Process
from records import Journal, commands_by_movement, events, latencies
from session import SELECT, SETTLE, UDEV, Session

READERS = 4         # more readers, to see what one costs
PRESENCES = 100
QUICK = 4           # movements each way, one close behind the other
SLOW_US = 500       # an APDU of a quick card


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


def power_down_figures(session):
    """Of a card that nobody uses."""
    session.bench.clear("r")
    session.bench.insert("r", 0, "echo")
    session.bench.wait("r", "c62>=1")
    time.sleep(SETTLE)
    before = session.commands()
    session.until_powered_down()
    return {"power-down-commands": [session.commands() - before]}


def quick_figures(session):
    """Commands of a hand that moves a card again at once."""
    several.move(session, QUICK, session.options["quick-pace"])
    time.sleep(SETTLE)
    commands = commands_by_movement(Journal(session.bench.journal()))
    return {f"quick-{word}-commands": commands[word][1 - QUICK:]
            for word in ("insert", "remove")}


def measure_movements(session):
    """Opening, then movements."""
    session.start_pcscd()
    session.start_watch()
    plugged = session.bench.plug("r")["time"]
    session.until_watched("event")
    time.sleep(SETTLE)
    figures = open_figures(session, plugged)
    several.move(session, session.options["movements"],
                 session.options["pace"])
    time.sleep(SETTLE)
    journal = Journal(session.bench.journal())
    told = latencies(journal, events(session.watched()))
    commands = commands_by_movement(journal)
    for word in ("insert", "remove"):
        figures[f"{word}-latency"] = told[word]
        figures[f"{word}-commands"] = commands[word]
    figures.update(quick_figures(session))
    if session.options["grace"]:
        figures.update(power_down_figures(session))
    return figures


# --- what clients ask for

def connect_figures(session, client):
    """Powered down by pcscd for want of use, then still powered."""
    names = ["powered"]
    if session.options["grace"]:
        names.insert(0, "unpowered")
        session.until_powered_down()
    figures = {}
    for name in names:
        figures[f"connect-{name}-commands"] = [trips.commands_of(
            session, lambda: session.ask(client, "connect virtual shared"))]
        if name != names[-1]:
            figures["disconnect-commands"] = [trips.commands_of(
                session, lambda: session.ask(client, "disconnect leave"))]
    return figures


def apdu_costs(session, client):
    """System calls, context switches and CPU time of pcscd by APDU."""
    n = session.options["apdus"]
    session.ask(client, SELECT, 10)     # what is made once is made
    before = session.usage()
    session.ask(client, SELECT, n)
    after = session.usage()
    calls = count_calls(session.bench.pcscd.pid,
                        lambda: session.ask(client, SELECT, n))
    return {
        "apdu-switches": [(after.switches - before.switches) / n],
        "apdu-cpu": [(after.cpu - before.cpu) / n],
        "apdu-user": [(after.user - before.user) / n],
        "apdu-system": [(after.system - before.system) / n],
        "apdu-calls": [calls / n if calls else None],
    }


def slow_costs(session, client):
    """With a card that takes its time, so that the command's own completion
    and that of the reply are two."""
    session.bench.set("r", xfr_time=SLOW_US)
    figures = apdu_costs(session, client)
    session.bench.set("r", xfr_time=0)
    return {key.replace("apdu", "slow"): value
            for key, value in figures.items()}


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
    figures.update(slow_costs(session, client))
    session.ask(client, "disconnect leave")
    figures.update(apdu_times(session))
    return figures


def measure_floor(session):
    """The same of a driver that never sends a command."""
    session.bench.plug("r")
    session.start_pcscd()
    client = session.start_client()
    session.start_watch()
    session.until_watched("present")
    session.ask(client, "connect virtual shared")
    figures = apdu_costs(session, client)
    session.ask(client, "disconnect leave")
    figures.update(apdu_times(session))
    return figures


# --- the driver itself

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
    figures.update(several.measure_memory(session, READERS))
    return figures


PARTS = {
    "movements": measure_movements,
    "apdus": measure_apdus,
    "floor": measure_floor,
    "module": measure_module,
    "trips": trips.measure,
    "latency": several.measure_latency,
    "throughput": several.measure_throughput,
    "idle": several.measure_idle,
}


def main():
    """JSON on standard output."""
    options = json.loads(sys.argv[2])
    session = Session(sys.argv[1], options)
    with session.bench:
        figures = PARTS[options["part"]](session, *options["arguments"])
    print(json.dumps(figures))


main()
