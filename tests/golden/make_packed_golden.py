#!/usr/bin/env python3
"""Makes tests/golden/packed: one text, compressed in every way that unpacking distinguishes. Needs zstd's program."""
import gzip
import lzma
import os
import struct
import subprocess
import zlib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "packed")
TEXT = "".join(f"{n}: the quick brown fox\njumps over the lazy dog, déjà vu {n * n}\n" for n in range(40)).encode()
PARTS = [TEXT[:700], b"", TEXT[700:701], TEXT[701:]]


def gzip_member(data, level=9):
    return gzip.compress(data, level, mtime=0)


def gzip_with_all_fields(data):
    """A header with extra field, name, comment and its own checksum (RFC 1952)."""
    head = b"\x1f\x8b\x08" + bytes([2 | 4 | 8 | 16]) + b"\0\0\0\0\0\x03"
    head += struct.pack("<H", 6) + b"AB\x02\0xy" + b"name\0" + b"comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


def zstd_frame(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def skippable(number, size):
    return struct.pack("<II", 0x184D2A50 + number, size) + b"s" * size


def xz_stream(data, check=lzma.CHECK_CRC64, dictionary=1 << 20):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": dictionary}]
    return lzma.compress(data, lzma.FORMAT_XZ, check, filters=filters)


FILES = {
    "text": TEXT,
    "one.gz": gzip_member(TEXT),
    "fields.gz": gzip_with_all_fields(TEXT),
    "members.gz": b"".join(gzip_member(part, level) for part, level in zip(PARTS, [1, 6, 0, 9])),
    "padded.gz": gzip_member(TEXT) + b"\0" * 1000,
    "empty.gz": gzip_member(b""),
    "one.zst": zstd_frame(TEXT),
    "frames.zst": skippable(3, 20) + b"".join(zstd_frame(part) for part in PARTS) + skippable(15, 0),
    "empty.zst": zstd_frame(b""),
    "wide.zst": zstd_frame(TEXT, "--long=28"),
    "one.xz": xz_stream(TEXT),
    "streams.xz": b"".join(xz_stream(part, check) + b"\0" * padding for part, check, padding in zip(
        PARTS, [lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_NONE, lzma.CHECK_SHA256], [0, 4, 0, 8])),
    "empty.xz": xz_stream(b""),
    "wide.xz": xz_stream(TEXT, dictionary=256 << 20),
}

os.makedirs(FOLDER, exist_ok=True)
for name, content in FILES.items():
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)
