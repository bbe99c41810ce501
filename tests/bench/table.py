# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the table: what each figure is called, and how it is shown.

Figures are lists of runs, a run is a list of samples. Runs of the same number
were made one after the other, and are compared with each other.
"""

import math
import statistics

LABEL = 45
COLUMN = 14
RATIO = 24


def percentile_99(samples):
    """The smallest sample that 99 of 100 do not exceed."""
    ordered = sorted(samples)
    return ordered[math.ceil(0.99 * len(ordered)) - 1]


def microseconds(value):
    """Of nanoseconds."""
    return f"{value / 1e3:.0f} us"


def milliseconds(value):
    """Of nanoseconds."""
    return f"{value / 1e6:.2f} ms"


def count(value):
    """With a decimal only where it tells something."""
    return f"{round(value, 1):g}"


def each_second(value):
    """A rate."""
    return f"{value:.0f}/s"


def kibibytes(value):
    """Of bytes."""
    return f"{value / 1024:.0f} KiB"


MEDIAN, MEAN = statistics.median, statistics.fmean
FLOOR = "null"      # the driver that costs nothing


def trips(level, protocol):
    """The rows of one level."""
    shown = "T=1" if protocol == "t1" else "T=0"
    return tuple(
        (f"{level}, {shown}: {size}", f"trips-{level}-{protocol}-{key}", MEAN,
         count)
        for key, size in (("5", "5 bytes"), ("255", "255 bytes"),
                          ("4k", "4 KiB"), ("64k", "64 KiB")))


def at_rest(kind, title):
    """The rows of readers at rest."""
    return tuple(
        (f"{title}, {words}: {what}", f"idle-{kind}-{state}-{key}", MEAN,
         count)
        for state, words in (("empty", "empty"),
                             ("present", "card powered down"),
                             ("connected", "in use"))
        for key, what in (("transfers", "transfers"),
                          ("wakeups", "wake-ups")))


def above(key):
    """Less what pcscd costs without a driver."""
    return f"{key}-above"


ROWS = (
    ("From interrupt completion to SCardGetStatusChange's return",),
    ("insertion (card powered up), median", "insert-latency", MEDIAN,
     microseconds),
    ("insertion, 99th percentile", "insert-latency", percentile_99,
     microseconds),
    ("removal, median", "remove-latency", MEDIAN, microseconds),
    ("removal, 99th percentile", "remove-latency", percentile_99,
     microseconds),
    *((f"{busy} others busy, median", f"latency-told-{busy}", MEDIAN,
       microseconds) for busy in (0, 1, 4, 15)),
    ("From movement to client, without an interrupt pipe",),
    *((f"{busy} others busy, median", f"latency-asked-{busy}", MEDIAN,
       milliseconds) for busy in (0, 15)),
    ("Opening a reader",),
    ("bulk commands until at rest", "open-commands", MEAN, count),
    ("control requests", "open-controls", MEAN, count),
    ("transfers waited for in vain", "open-taken-back", MEAN, count),
    ("from open to rest", "open-time", MEDIAN, milliseconds),
    ("from plug to the client's list", "listed-time", MEDIAN, milliseconds),
    ("Round trips (bulk commands and their replies)",),
    ("from insertion to rest, ATR known", "insert-commands", MEAN, count),
    ("a removal", "remove-commands", MEAN, count),
    ("the same, one movement close behind another", "quick-insert-commands",
     MEAN, count),
    ("a removal, the same", "quick-remove-commands", MEAN, count),
    ("a presence call", "presence-commands", MEAN, count),
    ("SCardConnect, card powered", "connect-powered-commands", MEAN, count),
    ("SCardConnect, card powered down", "connect-unpowered-commands", MEAN,
     count),
    ("SCardDisconnect, card left as it is", "disconnect-commands", MEAN,
     count),
    ("pcscd powers an unused card down", "power-down-commands", MEAN, count),
    *trips("extended", "t1"), *trips("extended", "t0"),
    *trips("short", "t1"), *trips("short", "t0"),
    *trips("tpdu", "t1"), *trips("tpdu", "t0"),
    *trips("character", "t1"), *trips("character", "t0"),
    ("A short APDU, in all of pcscd",),
    ("SCardTransmit, median", "apdu-time", MEDIAN, microseconds),
    ("SCardTransmit, 99th percentile", "apdu-time", percentile_99,
     microseconds),
    ("system calls", "apdu-calls", MEDIAN, count),
    ("context switches, voluntary", "apdu-switches", MEDIAN, count),
    ("CPU time", "apdu-cpu", MEDIAN, microseconds),
    ("user CPU time, as sampled", "apdu-user", MEAN, microseconds),
    ("system CPU time, as sampled", "apdu-system", MEAN, microseconds),
    ("The same above the null driver",),
    ("SCardTransmit, median", above("apdu-time"), MEDIAN, microseconds),
    ("system calls", above("apdu-calls"), MEDIAN, count),
    ("context switches, voluntary", above("apdu-switches"), MEDIAN, count),
    ("CPU time", above("apdu-cpu"), MEDIAN, microseconds),
    ("system calls, card takes 0.5 ms", above("slow-calls"), MEDIAN, count),
    ("context switches, card takes 0.5 ms", above("slow-switches"), MEDIAN,
     count),
    ("CPU time, card takes 0.5 ms", above("slow-cpu"), MEDIAN, microseconds),
    ("APDUs of several readers at a time",),
    *((f"{n} reader{'s' * (n > 1)}: all APDUs", f"throughput-{n}", MEDIAN,
       each_second) for n in (1, 4, 16)),
    *((f"{n} reader{'s' * (n > 1)}: CPU time of one", f"crowd-cpu-{n}", MEDIAN,
       microseconds) for n in (1, 4, 16)),
    ("A minute at rest, in all of pcscd",),
    *at_rest("1", "1 reader"), *at_rest("16", "16 readers"),
    *at_rest("asked", "no interrupt pipe"),
    ("Size",),
    ("module, what is loaded of it", "module-size", MEAN, kibibytes),
    ("threads of one more reader, one is pcscd's", "reader-threads", MEAN,
     count),
    ("memory of one more reader, pcscd's included", "reader-memory", MEAN,
     kibibytes),
)


def known(runs):
    """The samples that came, of all runs."""
    return [sample for run in runs for sample in run if sample is not None]


def subtract_floor(results):
    """Adds the figures above the null driver's, and takes that away."""
    floor = results.pop(FLOOR, {})
    for figures in results.values():
        for key in [key for key in figures
                    if key.startswith(("apdu-", "slow-"))]:
            base = known(floor.get(key.replace("slow-", "apdu-"), []))
            if base:
                figures[above(key)] = [
                    [None if sample is None else sample - MEDIAN(base)
                     for sample in run] for run in figures[key]]


def cell(figures, key, reduce, show):
    """One figure; "-" where there are no samples."""
    samples = known(figures.get(key, ()))
    return show(reduce(samples)) if samples else "-"


def ratios(ours, theirs, key, reduce):
    """Of runs of the same number."""
    pairs = [(known([a]), known([b]))
             for a, b in zip(ours.get(key, ()), theirs.get(key, ()))]
    return [reduce(a) / reduce(b) for a, b in pairs if a and b and reduce(b)]


def ratio(ours, theirs, key, reduce):
    """Median, smallest and greatest."""
    found = ratios(ours, theirs, key, reduce)
    if not found:
        return ""
    spread = f" {min(found):.2f}..{max(found):.2f}" if len(found) > 1 else ""
    return f"{MEDIAN(found):.2f}{spread}"


def missed(figures):
    """Movements that the client was not told of."""
    samples = [sample for key, runs in figures.items() for run in runs
               for sample in run
               if key in ("insert-latency", "remove-latency")]
    return f"{samples.count(None)} of {len(samples)}"


def row(title, cells, last=()):
    """A line of the table."""
    return (f"{title:{LABEL}}" + "".join(f"{text:>{COLUMN}}" for text in cells)
            + "".join(f"{text:>{RATIO}}" for text in last)).rstrip()


def lines(results):
    """The table, of {driver: figures}; ratios are of the first to each of the
    others. Rows that nothing was measured for are left out."""
    names = list(results)
    ours, *others = results.values()
    yield row("", names, [f"ratio to {name[4:]}" for name in names[1:]])
    yield from shown(results, ours, others)
    if "insert-latency" in ours:
        yield row("Movements not told before the next",
                  [missed(figures) for figures in results.values()])


def shown(results, ours, others):
    """Titles with rows below them."""
    heading = None
    for title, *rest in ROWS:
        if not rest:
            heading = title
            continue
        cells = [cell(figures, *rest) for figures in results.values()]
        if set(cells) == {"-"}:
            continue
        if heading:
            yield heading
            heading = None
        yield row(f"  {title}", cells,
                  [ratio(ours, other, *rest[:2]) for other in others])
