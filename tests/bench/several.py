# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""One reader among others: latency, throughput, and what rest costs."""

import time

import lab
from records import Journal, events, latencies
from session import GRACE, SELECT, SETTLE

APDU_US = 10000     # a busy reader's card takes so long
PLENTY = 100000     # APDUs: more than there is time for
SCRIPT = "/run/lab/script"
QUIET = 25.0        # who asks may do so less often when nothing has happened


def plug_all(session, count, **options):
    """The reader r, and others; when pcscd has taken them all."""
    session.bench.plug("r", **options)
    session.start_pcscd()
    session.bench.wait("r", "c65>=1")
    return ["r", *session.plug_more(1, count, **options)]


def start_script(session, number, apdus):
    """A client that sends APDUs to the reader with that number. It writes
    into a file: who reads its lines would be in the way."""
    path = f"{SCRIPT}.{number}"
    with open(path, "w", encoding="ascii") as file:
        print(f'connect "{number:02X} 00" shared', file=file)
        print(f"{SELECT}\n" * apdus, end="", file=file)
    return session.bench.start([
        "sh", "-c", 'exec "$0" script <"$1" >"$1.out"',
        lab.program("pcsc-watch"), path])


def keep_busy(session, names):
    """A client each that sends one APDU after the other."""
    for number, name in enumerate(names, 1):
        session.bench.set(name, xfr_time=APDU_US)
        session.bench.insert(name, 0, "echo")
        session.bench.wait(name, "c62>=1")
        start_script(session, number, PLENTY)
        session.bench.wait(name, "apdus>=2")


def move(session, movements, pace):
    """Insertions and removals; this process sleeps while they are told."""
    control = session.bench.another_control()
    for _ in range(movements):
        for line in (b"insert r 0 echo\n", b"remove r 0\n"):
            control.socket.sendall(line)
            time.sleep(pace)
    control.close()


def measure_latency(session, busy, interrupt):
    """Of movements of one reader while others are busy."""
    options = session.options
    names = plug_all(session, 1 + busy, interrupt=interrupt)
    session.start_watch()
    session.until_watched("event")
    keep_busy(session, names[1:])
    time.sleep(SETTLE)
    move(session, options["crowd-movements"], options["pace"])
    time.sleep(SETTLE)
    told = latencies(Journal(session.bench.journal()),
                     events(session.watched()))
    kind = "told" if interrupt else "asked"
    return {f"latency-{kind}-{busy}": told["insert"] + told["remove"]}


def measure_memory(session, others):
    """What one more reader costs in pcscd, its own event thread with it."""
    plug_all(session, 1)
    time.sleep(SETTLE)
    before = session.usage()
    session.plug_more(1, 1 + others)
    time.sleep(SETTLE)
    after = session.usage()
    return {
        "reader-threads": [(after.threads - before.threads) / others],
        "reader-memory": [(after.memory - before.memory) / others],
    }


def spans(names):
    """(start, end) of each APDU of all clients."""
    for number, _ in enumerate(names):
        with open(f"{SCRIPT}.{number}.out", encoding="ascii") as file:
            for line in file:
                start, end, what, code = line.split()[:4]
                if what == "transmit":
                    assert code == "SCARD_S_SUCCESS", line
                    yield int(start), int(end)


def measure_throughput(session, count):
    """APDUs a second of all readers, as fast as they go, and their cost."""
    names = plug_all(session, count)
    for name in names:
        session.bench.insert(name, 0, "echo")
        session.bench.wait(name, "c62>=1")
    time.sleep(SETTLE)
    apdus = session.options["apdus"]
    before = session.usage()
    clients = [start_script(session, number, apdus)
               for number, _ in enumerate(names)]
    for client in clients:
        assert client.finish(60) == 0
    after = session.usage()
    times = list(spans(names))
    lasted = max(end for _, end in times) - min(start for start, _ in times)
    return {f"throughput-{count}": [len(times) * 1e9 / lasted],
            f"crowd-cpu-{count}": [(after.cpu - before.cpu) / len(times)],
            f"crowd-time-{count}": [end - start for start, end in times]}


def rest(session, names, what, asked):
    """What goes on while nothing happens, by minute. Readers that are asked
    for movements are left alone for longer, and watched for longer."""
    seconds = session.options["idle"] * (4 if asked else 1)
    time.sleep(SETTLE + (QUIET if asked and session.options["grace"] else 0))
    before, transfers = session.usage(), session.transfers(names)
    time.sleep(seconds)
    after = session.usage()
    scale = 60 / seconds
    return {
        f"idle-{what}-transfers":
            [(session.transfers(names) - transfers) * scale],
        f"idle-{what}-wakeups": [(after.switches - before.switches) * scale],
    }


def measure_idle(session, count, interrupt):
    """Empty readers that have announced one movement truly; with cards that
    pcscd has powered down for want of use; and with clients that have them."""
    kind = f"{count}" if interrupt else "asked"
    grace = session.options["grace"]
    names = plug_all(session, count, interrupt=interrupt)
    for name in names:
        session.bench.insert(name, 0, "echo")
        session.bench.wait(name, "c62>=1", 20)
        session.bench.remove(name, 0)
    # or pcscd's own look after that time counts
    time.sleep(SETTLE + (GRACE if grace else 0))
    figures = rest(session, names, f"{kind}-empty", not interrupt)
    if not grace:
        return figures
    for name in names:
        session.bench.clear(name)
        session.bench.insert(name, 0, "echo")
    session.until_powered_down(names)
    figures.update(rest(session, names, f"{kind}-present",
                        not interrupt))
    for number, name in enumerate(names):
        client = session.bench.start([lab.program("pcsc-watch"), "script"])
        session.ask(client, f'connect "{number:02X} 00" shared')
    figures.update(rest(session, names, f"{kind}-connected",
                        not interrupt))
    return figures
