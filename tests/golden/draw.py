"""Random tensors as octet::ops::random_tensor draws them: mt19937, 24 bits a float."""
import numpy as np


def draw(seed, shape, dtype, low, high):
    count = int(np.prod(shape))
    bits = np.random.MT19937()
    bits._legacy_seeding(seed)
    raw = bits.random_raw(count).astype(np.uint32) if count else np.zeros(0, np.uint32)
    unit = (raw & 0xFFFFFF).astype(np.float32) * np.float32(2.0**-24)
    x = unit * np.float32(np.float32(high) - np.float32(low)) + np.float32(low)
    if dtype.startswith("u"):
        x = np.abs(x)
    return x.astype(dtype).reshape(shape)
