#!/usr/bin/env python3
"""Makes the .npz files of this folder with numpy: good ones, and ones broken in ways a reader must refuse.

  python make.py      needs numpy
"""
import io
import os
import struct
import zipfile

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(0)


def npy(array, **options):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def archive(name, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, "w", method) as out:
        for member, data in members:
            out.writestr(zipfile.ZipInfo(member), data, method)


ramp = np.arange(24).reshape(2, 3, 4)
types = "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ?".split()
archive("types.npz", [("a_%s.npy" % np.dtype(t).name, npy(ramp.astype(t))) for t in types])
archive("order.npz", [("fortran.npy", npy(np.asfortranarray(ramp.astype("f4")))), ("big_endian.npy", npy(ramp.astype(">i4"))),
                      ("both.npy", npy(np.asfortranarray(ramp.astype(">f8"))))])
archive("shapes.npz", [("scalar.npy", npy(np.float32(2.5))), ("empty.npy", npy(np.zeros((0, 3), "f4"))),
                       ("version2.npy", npy(np.arange(3), version=(2, 0))), ("version3.npy", npy(np.arange(3), version=(3, 0)))])
archive("stored.npz", [("x.npy", npy(ramp.astype("f4"))), ("labels.npy", npy(np.arange(2)))], zipfile.ZIP_STORED)

archive("object.npz", [("x.npy", npy(np.array([1, "a", None], object), allow_pickle=True))])
archive("text.npz", [("x.npy", npy(np.array(["a", "bc"])))])
archive("structured.npz", [("x.npy", npy(np.zeros(2, [("a", "f4"), ("b", "i4")])))])
archive("parent.npz", [("../x.npy", npy(ramp))])
archive("absolute.npz", [("/x.npy", npy(ramp))])
archive("twice.npz", [("x.npy", npy(ramp)), ("x.npy", npy(ramp))])
archive("no_array.npz", [("readme.txt", b"hello")])
good = npy(ramp.astype("f4"))
archive("header_overrun.npz", [("x.npy", good[:8] + struct.pack("<H", 60000) + good[10:])])
archive("short_data.npz", [("x.npy", good[:-5])])
archive("huge_shape.npz", [("x.npy", good.replace(b"(2, 3, 4), }", b"(99999999999, 99999999999), }"[:29])[:len(good)])])
archive("negative.npz", [("x.npy", good.replace(b"(2, 3, 4)", b"(-2, 3,4)"))])
archive("version9.npz", [("x.npy", good[:6] + b"\x09" + good[7:])])
with open("not_a_zip.npz", "wb") as out:
    out.write(b"<!DOCTYPE html><html></html>")

# A bomb: the directory and the array's header claim 16 GB that a few bytes would unpack to.
size = 1 << 34
head = io.BytesIO()
np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (size // 4,)})
archive("bomb.npz", [("x.npy", head.getvalue() + bytes(1 << 16))])
data = bytearray(open("bomb.npz", "rb").read())
entry = data.rfind(b"PK\x01\x02")
data[entry + 24:entry + 28] = struct.pack("<I", 0xFFFFFFF0)  # uncompressed size in the central directory
open("bomb.npz", "wb").write(data)

data = open("types.npz", "rb").read()
open("truncated.npz", "wb").write(data[:len(data) // 2])
data = bytearray(open("stored.npz", "rb").read())
data[200] ^= 0x40  # inside the stored data: only the checksum tells
open("checksum.npz", "wb").write(data)
