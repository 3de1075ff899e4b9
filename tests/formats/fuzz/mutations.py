"""Damaging bytes: a few small changes, most of them near the start, where headers lie."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from random import Random

ODD = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\x01\0", b"\0\x01", b"\xff\xff\xff\xff",
       b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\0\0", b"nan", b"-1", b",", b"\\", b"1e999")
VRS = (b"OB", b"OW", b"SQ", b"UN", b"US", b"SS", b"UL", b"DS", b"IS", b"LO", b"PN", b"UI", b"AT", b"FD", b"C[", b"\0\0")
_ELEMENT = re.compile(rb"[\x02-\x54]\0..[A-Z]{2}", re.DOTALL)


def _place(random: Random, data: bytearray) -> int:
    """Anywhere, or (mostly) among the first thousand bytes."""
    return random.randrange(len(data) if random.random() < 0.4 else min(len(data), 1200))


def flip(random: Random, data: bytearray) -> None:
    data[_place(random, data)] ^= 1 << random.randrange(8)


def overwrite(random: Random, data: bytearray) -> None:
    place, odd = _place(random, data), random.choice(ODD)
    data[place:place + len(odd)] = odd


def scramble(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    size = min(random.choice((1, 2, 4, 16)), len(data) - place)
    data[place:place + size] = random.randbytes(size)


def cut(random: Random, data: bytearray) -> None:
    del data[max(1, _place(random, data)):]


def remove(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    del data[place:place + random.choice((1, 2, 8, 64))]


def insert(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    data[place:place] = random.randbytes(random.choice((1, 2, 8, 64)))


def repeat(random: Random, data: bytearray) -> None:
    place, there = _place(random, data), _place(random, data)
    data[there:there] = data[place:place + random.choice((4, 32, 256))]


def dicom_element(random: Random, data: bytearray) -> None:
    """Another kind of value, length or value of one element of a DICOM header; of other files a scrambled place."""
    found = [match.start() for match in _ELEMENT.finditer(data, 0, 4000)]
    if not found:
        return scramble(random, data)
    start = random.choice(found)
    change = random.randrange(3)
    if change == 0:
        data[start + 4:start + 6] = random.choice(VRS)
    elif change == 1:
        data[start + 6:start + 8] = random.choice((b"\0\0", b"\x01\0", b"\x03\0", b"\xff\xff", b"\xfe\xff", b"\x40\0"))
    else:
        value = random.choice((*ODD, b"Doe^J", b"0A", b"12", b"65535", b"-3"))
        data[start + 8:start + 8 + len(value)] = value
    return None


MUTATIONS: tuple[Callable[[Random, bytearray], None], ...] = (
    flip, flip, overwrite, scramble, cut, remove, insert, repeat, dicom_element, dicom_element)


def with_check_sums(data: bytes) -> bytes:
    """A PNG whose chunks have the check sums of what they hold now; else nothing but those would be tried."""
    changed, place = bytearray(data), 8
    while place + 12 <= len(changed):
        end = place + 8 + int.from_bytes(changed[place:place + 4], "big")
        if end + 4 > len(changed):
            break
        changed[end:end + 4] = zlib.crc32(changed[place + 4:end]).to_bytes(4, "big")
        place = end + 4
    return bytes(changed)


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes with one to four changes; of most PNGs the check sums fit again."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        if changed:
            random.choice(MUTATIONS)(random, changed)
    if data.startswith(b"\x89PNG") and random.random() < 0.8:
        return with_check_sums(bytes(changed))
    return bytes(changed) or b"\0"
