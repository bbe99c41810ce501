# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Round trips: commands that one APDU takes, at each level and protocol.

A count does not depend on what else the machine does: one run tells.
"""

from session import Refused, Session

LEVELS = "extended", "short", "tpdu", "character"
CARDS = {"t1": "echo", "t0": "echo-t0"}
DATA = bytes(range(250)).hex()
READ = "transmit 00b00000"
READ_SOME = f"{READ}00"         # 256 bytes
# What moves so many bytes: in one extended APDU, or by a client that has to do
# with short ones.
EXTENDED = {
    "5": (f"{READ}02", 1),
    "255": (f"transmit 00d60000fa{DATA}", 1),
    "4k": (f"{READ}001000", 1),
    "64k": (f"{READ}000000", 1),
}
SHORT = {**EXTENDED, "4k": (READ_SOME, 16), "64k": (READ_SOME, 256)}


def commands_of(session, work):
    """How many commands something takes; None if it is refused."""
    before = session.commands()
    try:
        work()
    except Refused:
        return None
    return session.commands() - before


def card_figures(session, client, level, protocol):
    """With a card in the reader."""
    apdus = SHORT if protocol == "t0" or level == "short" else EXTENDED
    session.bench.insert("r", 0, CARDS[protocol])
    session.until_watched("present")
    session.ask(client, "connect virtual shared")
    session.ask(client, "transmit 00a40000")
    figures = {
        f"trips-{level}-{protocol}-{size}": [commands_of(
            session, lambda what=what: session.ask(client, *what))]
        for size, what in apdus.items() if size in session.options["sizes"]}
    session.ask(client, "disconnect leave")
    return figures


def measure(session: Session, level, protocol):
    """One level, one protocol."""
    session.bench.plug("r", level=level)
    session.start_pcscd()
    client = session.start_client()
    session.start_watch()
    return card_figures(session, client, level, protocol)
