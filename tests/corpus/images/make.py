#!/usr/bin/env python3
"""Makes the pictures of this folder and prints the golden hashes of octet/formats/images/*_test.cpp with Pillow.

  python make.py      needs numpy and pillow 13 (before 13, resize always took the columns first)
"""
import os

import numpy as np
from PIL import Image

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def fnv(array):
    value = 0xCBF29CE484222325
    for byte in np.asarray(array, np.uint8).tobytes():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "0x%016x" % value


def pattern(width, height, channels):
    """The picture that make_pattern() of the tests makes."""
    i = np.arange(width * height * channels, dtype=np.uint32)
    return ((i * 2654435761 + (i >> 3) * 40503) >> 24).astype(np.uint8).reshape(height, width, channels)


def smooth(width, height, channels):
    y, x, c = np.mgrid[:height, :width, :channels]
    return (127 + 60 * np.sin(x / 5 + c) + 60 * np.cos(y / 4 + c)).astype(np.uint8)


image = Image.fromarray(smooth(37, 23, 3))
image.save("rgb.png")
Image.fromarray(smooth(37, 23, 4), "RGBA").save("rgba.png")
Image.fromarray(smooth(37, 23, 1)[..., 0]).save("grey.png")
Image.fromarray(smooth(37, 23, 1)[..., 0]).convert("1").save("bits.png")
image.convert("P", palette=Image.ADAPTIVE).save("palette.png")
image.save("rgb.bmp")
image.convert("P", palette=Image.ADAPTIVE).save("palette.bmp")
image.save("rgb.ppm")
Image.fromarray(smooth(37, 23, 1)[..., 0]).save("grey.pgm")
image.save("444.jpg", quality=90, subsampling=0)
image.save("420.jpg", quality=75, subsampling=2)
image.save("progressive.jpg", quality=75, subsampling=1, progressive=True)
Image.fromarray(smooth(37, 23, 1)[..., 0]).save("grey.jpg")
Image.fromarray(smooth(37, 23, 4), "CMYK").save("cmyk.jpg", quality=90)
exif = Image.Exif()
exif[274] = 6
image.save("turned.jpg", quality=75, exif=exif)

print("decoding: file, RGB, grey")
for name in sorted(os.listdir(".")):
    if not name.endswith(".py"):
        picture = Image.open(name)
        print('    {"%s", %s, %s},' % (name, fnv(picture.convert("RGB")), fnv(picture.convert("L"))))

print("resizing: from, to, filter")
filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
for width, height, channels, to_width, to_height in (
        (50, 40, 3, 20, 30), (50, 40, 3, 45, 10), (20, 90, 3, 33, 31), (31, 17, 1, 64, 64), (64, 48, 3, 64, 7),
        (64, 48, 3, 7, 48), (1, 1, 3, 5, 4), (200, 3, 1, 1, 1), (37, 53, 3, 36, 52)):
    for name, filter in filters.items():
        data = pattern(width, height, channels)
        picture = Image.fromarray(data if channels == 3 else data[..., 0])
        print("    {%d, %d, %d, %d, %d, Interpolation::%s, %s}," % (
            width, height, channels, to_width, to_height, name, fnv(picture.resize((to_width, to_height), filter))))
