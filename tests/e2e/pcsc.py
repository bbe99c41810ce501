# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A PC/SC client: the functions of libpcsclite that the tests need.

Names are PC/SC's without SCard in front. Every call that fails raises Error
with the code; times are CLOCK_MONOTONIC nanoseconds. The library takes the
socket from PCSCLITE_CSOCK_NAME at its first call in a process.
"""
import contextlib
import ctypes
import os
import re
import socket
import threading
import time

INFINITE = 0xFFFFFFFF

EXCLUSIVE, SHARED, DIRECT = 1, 2, 3
T0, T1, RAW = 1, 2, 4
LEAVE, RESET, UNPOWER = 0, 1, 2

STATE_CHANGED = 0x0002
STATE_UNKNOWN = 0x0004
STATE_UNAVAILABLE = 0x0008
STATE_EMPTY = 0x0010
STATE_PRESENT = 0x0020
STATE_MUTE = 0x0200

ATTR_PRESENCE = 0x00090300
ATTR_STATUS = 0x00090301
ATTR_ATR = 0x00090303

# Codes that the tests tell apart
TIMEOUT = 0x8010000A
NO_SMARTCARD = 0x8010000C
NOT_TRANSACTED = 0x80100016
READER_UNAVAILABLE = 0x80100017
UNKNOWN_READER = 0x80100009
NO_READERS = 0x8010002E
UNPOWERED_CARD = 0x80100067
RESET_CARD = 0x80100068
REMOVED_CARD = 0x80100069

PLUG_AND_PLAY = "\\\\?PnP?\\Notification"

PLUG_AND_PLAY_MS = 100
NAMES_BUFFER = 8192     # asked for at once: their number may change
LOOK_AGAIN = 0.2        # seconds
TRIES = 10              # of a call that a movement confuses
HANGS = 2               # seconds beyond its time limit
LISTED = 10 * float(os.environ.get("LAB_TIME_SCALE", "1"))     # seconds
COMPLETE = re.compile(" [0-9A-F]{2} [0-9A-F]{2}$")

LONG_BUFFER = 65548
ATTRIBUTE_BUFFER = 264


class Error(Exception):
    """A call that failed; code is PC/SC's."""

    def __init__(self, call, code):
        super().__init__("%s: 0x%08X" % (call, code))
        self.code = code


class ReaderState(ctypes.Structure):
    """SCARD_READERSTATE"""

    _fields_ = [
        ("reader", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
        ("current", ctypes.c_ulong),
        ("event", ctypes.c_ulong),
        ("atr_size", ctypes.c_ulong),
        ("atr", ctypes.c_ubyte * 33),
    ]


class IoRequest(ctypes.Structure):
    """SCARD_IO_REQUEST"""

    _fields_ = [("protocol", ctypes.c_ulong), ("size", ctypes.c_ulong)]


_library = ctypes.CDLL("libpcsclite.so.1")


def _call(name, *arguments):
    function = getattr(_library, name)
    function.restype = ctypes.c_long
    code = function(*arguments) & 0xFFFFFFFF
    if code:
        raise Error(name, code)


@contextlib.contextmanager
def _as_socket(descriptor):
    """What the library has open, and keeps."""
    end = socket.socket(fileno=descriptor)
    try:
        yield end
    finally:
        end.detach()


def _connections():
    """The descriptors of all connections of this process with pcscd."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), _as_socket(int(name)) as end:
            if str(end.getpeername()).endswith("pcscd.comm"):
                found.add(int(name))
    return found


_one_at_a_time = threading.Lock()    # or one's descriptor is another's, soon


def _establish():
    """A context, and the descriptor of its connection; None if others came or
    went meanwhile."""
    handle = ctypes.c_long()
    with _one_at_a_time:
        before = _connections()
        _call("SCardEstablishContext", ctypes.c_ulong(2), None, None,
              ctypes.byref(handle))
        new = _connections() - before
    return handle, new.pop() if len(new) == 1 else None


def _release(handle):
    with _one_at_a_time:
        _call("SCardReleaseContext", handle)


class Watchdog(threading.Thread):
    """Cuts a connection when what is asked on it takes longer than that: what
    hangs reading the library lets nobody cancel."""

    def __init__(self, descriptor, seconds):
        super().__init__(daemon=True)
        self.descriptor = descriptor
        self.seconds = seconds
        self.over = threading.Event()

    def run(self):
        if not self.over.wait(self.seconds) and self.descriptor is not None:
            with _as_socket(self.descriptor) as end:
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.over.set()
        self.join()


class State:
    """What SCardGetStatusChange told of one reader."""

    def __init__(self, raw, when):
        self.word = raw.event
        self.when = when
        self.count = raw.event >> 16 & 0xFFFF
        self.present = bool(raw.event & STATE_PRESENT)
        self.empty = bool(raw.event & STATE_EMPTY)
        self.mute = bool(raw.event & STATE_MUTE)
        self.gone = bool(raw.event & (STATE_UNKNOWN | STATE_UNAVAILABLE))
        self.atr = bytes(raw.atr[:raw.atr_size])

    def __repr__(self):
        return "<%08x count %d %s%s%s>" % (
            self.word, self.count, "present " if self.present else "",
            "empty " if self.empty else "", self.atr.hex())


class Context:
    """SCARDCONTEXT

    What is told of readers while the library asks for their list may be taken
    for the answer, or for a part of it; all later answers come one call late
    then, or are waited for without an end. So these questions have a connection
    of their own, which is replaced when one fails, and cut when one hangs."""

    def __init__(self):
        self.handle, _ = _establish()
        self.asking = None
        self.descriptor = None

    def close(self):
        """SCardReleaseContext"""
        self._hang_up()
        _release(self.handle)

    def readers(self):
        """Names, in pcscd's order."""
        for _ in range(TRIES):
            try:
                return self._readers()
            except Error as error:
                failed = error
                self._hang_up()
        raise failed

    def _readers(self):
        size = ctypes.c_ulong(NAMES_BUFFER)
        names = ctypes.create_string_buffer(NAMES_BUFFER)
        try:
            self._ask(0, "SCardListReaders", None, names, ctypes.byref(size))
        except Error as error:
            if error.code == NO_READERS:
                return []
            raise
        return [name.decode() for name in names.raw[:size.value].split(b"\0")
                if name]

    def status_change(self, known, timeout_ms=INFINITE):
        """known: state words (0: unknown) by reader. States by reader."""
        names = set(known) - {PLUG_AND_PLAY}
        for _ in range(TRIES):
            try:
                return self._status_change(known, timeout_ms)
            except Error as error:
                if error.code == TIMEOUT:
                    raise
                failed = error
                self._hang_up()
            if (failed.code == UNKNOWN_READER and
                    not names <= set(self.readers())):
                break
        raise failed

    def _status_change(self, known, timeout_ms):
        states = (ReaderState * len(known))()
        for state, (name, word) in zip(states, known.items()):
            state.reader = name.encode()
            state.current = word & ~STATE_CHANGED
        self._ask(timeout_ms / 1000, "SCardGetStatusChange",
                  ctypes.c_ulong(timeout_ms), states,
                  ctypes.c_ulong(len(known)))
        when = time.monotonic_ns()
        return {name: State(state, when)
                for state, name in zip(states, known)}

    def _ask(self, seconds, name, *arguments):
        """A call that takes so long at most, where it does not hang."""
        if self.asking is None:
            self.asking, self.descriptor = _establish()
        with Watchdog(self.descriptor, seconds + HANGS):
            _call(name, self.asking, *arguments)

    def _hang_up(self):
        asking, self.asking = self.asking, None
        if asking is not None:
            with contextlib.suppress(Error):
                _release(asking)

    def wait_for_readers(self, count, timeout=LISTED):
        """Waits until there are so many; their names. Error TIMEOUT.

        pcscd tells of readers that come and go from the call on, whatever was
        known before it: so the waits are short. And it lists a reader while it
        still writes its name, whose end is two numbers."""
        end = time.monotonic() + timeout
        while True:
            names = self.readers()
            if len(names) == count and all(map(COMPLETE.search, names)):
                return names
            try:
                self.status_change({PLUG_AND_PLAY: 0}, PLUG_AND_PLAY_MS)
            except Error as error:
                if error.code != TIMEOUT or time.monotonic() > end:
                    raise

    def connect(self, reader, mode=SHARED, protocols=T0 | T1):
        """SCardConnect"""
        return Card(self, reader, mode, protocols)


class Card:
    """SCARDHANDLE"""

    def __init__(self, context, reader, mode, protocols):
        self.handle = ctypes.c_long()
        active = ctypes.c_ulong()
        _call("SCardConnect", context.handle, reader.encode(),
              ctypes.c_ulong(mode), ctypes.c_ulong(protocols),
              ctypes.byref(self.handle), ctypes.byref(active))
        self.protocol = active.value

    def reconnect(self, mode=SHARED, protocols=T0 | T1, what=LEAVE):
        """SCardReconnect"""
        active = ctypes.c_ulong()
        _call("SCardReconnect", self.handle, ctypes.c_ulong(mode),
              ctypes.c_ulong(protocols), ctypes.c_ulong(what),
              ctypes.byref(active))
        self.protocol = active.value

    def begin(self):
        """SCardBeginTransaction"""
        _call("SCardBeginTransaction", self.handle)

    def end(self, what=LEAVE):
        """SCardEndTransaction"""
        _call("SCardEndTransaction", self.handle, ctypes.c_ulong(what))

    def transmit(self, command):
        """Bytes in, bytes out."""
        request = IoRequest(self.protocol, ctypes.sizeof(IoRequest))
        answer = ctypes.create_string_buffer(LONG_BUFFER)
        size = ctypes.c_ulong(LONG_BUFFER)
        _call("SCardTransmit", self.handle, ctypes.byref(request),
              bytes(command), ctypes.c_ulong(len(command)), None, answer,
              ctypes.byref(size))
        return answer.raw[:size.value]

    def control(self, code, data=b""):
        """SCardControl"""
        answer = ctypes.create_string_buffer(LONG_BUFFER)
        size = ctypes.c_ulong()
        _call("SCardControl", self.handle, ctypes.c_ulong(code), bytes(data),
              ctypes.c_ulong(len(data)), answer, ctypes.c_ulong(LONG_BUFFER),
              ctypes.byref(size))
        return answer.raw[:size.value]

    def attribute(self, tag):
        """SCardGetAttrib"""
        value = ctypes.create_string_buffer(ATTRIBUTE_BUFFER)
        size = ctypes.c_ulong(ATTRIBUTE_BUFFER)
        _call("SCardGetAttrib", self.handle, ctypes.c_ulong(tag), value,
              ctypes.byref(size))
        return value.raw[:size.value]

    def disconnect(self, what=LEAVE):
        """SCardDisconnect"""
        _call("SCardDisconnect", self.handle, ctypes.c_ulong(what))


class Watch:
    """A client of its own that follows one reader, as all of them should: it
    feeds back the whole word, event counter and all. (As long as the counter
    is 0, the library takes it for one that was not fed back.)"""

    def __init__(self, reader, timeout=10):
        self.reader = reader
        self.timeout = timeout
        self.context = Context()
        self.state = None
        self.state = self.look()

    def look(self):
        """What holds now."""
        self.state = self._complete(self._ask(0, 0))
        return self.state

    def next(self, timeout=None):
        """Waits for another state than the last one. Error TIMEOUT."""
        seconds = self.timeout if timeout is None else timeout
        self.state = self._complete(self._ask(self.state.word, seconds))
        return self.state

    def _ask(self, word, seconds):
        states = self.context.status_change(
            {self.reader: word}, max(0, int(seconds * 1000)))
        return states[self.reader]

    def _complete(self, state):
        """pcscd writes what is in the slot first and counts it then: who looks
        between the two sees a movement with the counter of the one before. By
        a counter that is still 0 no later movement would wake him."""
        end = time.monotonic() + LOOK_AGAIN
        while self._misses_count(state) and time.monotonic() < end:
            state = self._ask(0, 0)
        return state

    def _misses_count(self, state):
        known = self.state
        return (known is not None and state.count == known.count and
                (state.present and known.empty or
                 state.empty and known.present))

    def until(self, holds, timeout=None):
        """Waits for a state that holds() is true of. Error TIMEOUT."""
        seconds = self.timeout if timeout is None else timeout
        end = time.monotonic() + seconds
        while not holds(self.state):
            self.next_or_look(end - time.monotonic())
        return self.state

    def next_or_look(self, seconds):
        """As next(). pcscd lists a reader before it knows what is in it, with
        what the last one in its place held, and wakes nobody when it does; and
        what happens between the library's look and its wait wakes nobody
        either: then one has to look again."""
        if seconds < LOOK_AGAIN:
            return self.next(seconds)
        try:
            return self.next(LOOK_AGAIN)
        except Error as error:
            if error.code != TIMEOUT:
                raise
        return self.look()

    def close(self):
        """Ends the client."""
        self.context.close()
