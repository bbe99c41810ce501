# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the table: what each figure is called, and how it is shown."""

import math
import statistics

LABEL = 46
COLUMN = 15


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


def kibibytes(value):
    """Of bytes."""
    return f"{value / 1024:.0f} KiB"


MEDIAN, MEAN = statistics.median, statistics.fmean

ROWS = (
    ("From interrupt completion to SCardGetStatusChange's return",),
    ("insertion (card powered up), median", "insert-latency", MEDIAN,
     microseconds),
    ("insertion, 99th percentile", "insert-latency", percentile_99,
     microseconds),
    ("removal, median", "remove-latency", MEDIAN, microseconds),
    ("removal, 99th percentile", "remove-latency", percentile_99,
     microseconds),
    ("Opening a reader",),
    ("bulk commands until at rest", "open-commands", MEAN, count),
    ("control requests", "open-controls", MEAN, count),
    ("transfers waited for in vain", "open-taken-back", MEAN, count),
    ("from open to rest", "open-time", MEDIAN, milliseconds),
    ("from plug to the client's list", "listed-time", MEDIAN, milliseconds),
    ("Bulk commands",),
    ("from insertion to rest, ATR known", "insert-commands", MEAN, count),
    ("a removal", "remove-commands", MEAN, count),
    ("a presence call", "presence-commands", MEAN, count),
    ("SCardConnect, card powered", "connect-powered-commands", MEAN, count),
    ("SCardConnect, card powered down", "connect-unpowered-commands", MEAN,
     count),
    ("a short APDU", "apdu-commands", MEAN, count),
    ("A short APDU, in all of pcscd",),
    ("SCardTransmit, median", "apdu-time", MEDIAN, microseconds),
    ("SCardTransmit, 99th percentile", "apdu-time", percentile_99,
     microseconds),
    ("system calls", "apdu-calls", MEDIAN, count),
    ("context switches, voluntary", "apdu-switches", MEDIAN, count),
    ("CPU time", "apdu-cpu", MEDIAN, microseconds),
    ("A minute at rest, in all of pcscd",),
    ("empty: USB transfers", "idle-empty-transfers", MEAN, count),
    ("empty: wake-ups", "idle-empty-wakeups", MEAN, count),
    ("card in, powered down: USB transfers", "idle-card-transfers", MEAN,
     count),
    ("card in, powered down: wake-ups", "idle-card-wakeups", MEAN, count),
    ("Size",),
    ("module, what is loaded of it", "module-size", MEAN, kibibytes),
    ("threads of one more reader, one is pcscd's", "reader-threads", MEAN,
     count),
    ("memory of one more reader, pcscd's included", "reader-memory", MEAN,
     kibibytes),
)


def cell(figures, key, reduce, show):
    """One figure; "-" where there are no samples."""
    samples = [sample for sample in figures.get(key, ()) if sample is not None]
    return show(reduce(samples)) if samples else "-"


def missed(figures):
    """Movements that the client was not told of."""
    samples = figures.get("insert-latency", []) + figures.get("remove-latency",
                                                              [])
    return f"{samples.count(None)} of {len(samples)}"


def lines(results):
    """The table, of {driver: figures}."""
    yield " " * LABEL + "".join(f"{name:>{COLUMN}}" for name in results)
    for title, *row in ROWS:
        if not row:
            yield title
            continue
        cells = [cell(figures, *row) for figures in results.values()]
        yield f"  {title:{LABEL - 2}}" + "".join(f"{text:>{COLUMN}}"
                                                 for text in cells)
    yield f"{'Movements not told before the next':{LABEL}}" + "".join(
        f"{missed(figures):>{COLUMN}}" for figures in results.values())
