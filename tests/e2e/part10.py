# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""PC/SC part 10 from a client's side: structures, lists, control codes."""
import struct

FEATURE_REQUEST = 0x42000000 + 3400
WINDOWS_FEATURE_REQUEST = 0x00313520
ESCAPE = 0x42000000 + 1
WINDOWS_ESCAPE = 0x003136B0

VERIFY_PIN, MODIFY_PIN, PIN_PROPERTIES = 0x06, 0x07, 0x0A
TLV_PROPERTIES, CCID_ESCAPE = 0x12, 0x13

NOTHING_KEYED, CANCELLED, MISMATCH = b"\x64\x00", b"\x64\x01", b"\x64\x02"

ASCII_LEFT, ASCII_8_BYTES = 0x82, 0x08
BY_KEY, BY_COUNT, BY_TIME = 0x02, 0x01, 0x04
ENGLISH = 0x0409


def records(answer):
    """{tag: value} of tag, size, value; in the order of the answer."""
    found = {}
    while answer:
        tag, size = answer[:2]
        assert tag not in found and len(answer) >= 2 + size, answer.hex()
        found[tag], answer = answer[2:2 + size], answer[2 + size:]
    return found


def features(card, code=FEATURE_REQUEST):
    """{tag: control code}"""
    return {tag: int.from_bytes(value, "big")
            for tag, value in records(card.control(code)).items()}


def verify(apdu, *, timeout=30, timeout_2=0, format_=ASCII_LEFT,
           block=ASCII_8_BYTES, length=0, most=8, least=4, condition=BY_KEY,
           messages=1, language=ENGLISH, index=0, prologue=bytes(3),
           order="<"):
    """PIN_VERIFY"""
    return struct.pack(order + "BBBBBHBBHB3sI", timeout, timeout_2, format_,
                       block, length, least << 8 | most, condition, messages,
                       language, index, prologue, len(apdu)) + apdu


def modify(apdu, *, timeout=30, timeout_2=0, format_=ASCII_LEFT,
           block=ASCII_8_BYTES, length=0, old_at=0, new_at=8, most=8, least=4,
           confirm=3, condition=BY_KEY, messages=3, language=ENGLISH,
           indexes=(0, 1, 2), prologue=bytes(3), order="<"):
    """PIN_MODIFY"""
    return struct.pack(order + "BBBBBBBHBBBHBBB3sI", timeout, timeout_2,
                       format_, block, length, old_at, new_at,
                       least << 8 | most, confirm, condition, messages,
                       language, *indexes, prologue, len(apdu)) + apdu
