"""Numbers that Python and TypeScript make alike, so that a golden file stores seeds instead of data.

The TypeScript twin is packages/evenkeel/test/support/golden-data.ts; keep the two in step.
Every value is a whole multiple of a power of two with at most 24 significant bits, hence exact in float32.
"""

import numpy as np

IMAGE = 28


def bits(seed: int, count: int) -> np.ndarray:
    """uint32 bits number 0..count-1 of stream `seed`: lowbias32 of (index + lowbias32 of seed)."""
    index = np.arange(count, dtype=np.uint32)
    return _mix(index + _mix(np.array([seed], dtype=np.uint32)))


def uniform(seed: int, shape: list[int], bound: float) -> np.ndarray:
    """Values in [-bound, bound), multiples of bound / 2**23; `bound` is a power of two."""
    unit = (bits(seed, int(np.prod(shape))) >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1.0
    return (unit * bound).reshape(shape)


def batch(step: int, size: int, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Images [size, 28, 28, 1] in [-1/2, 3/4) and labels [size]: noise, plus 1/4 on the patch of the label's class."""
    labels = (bits(5000 + step, size) % np.uint32(classes)).astype(np.int64)
    noise = (bits(9000 + step, size * IMAGE * IMAGE) >> np.uint32(12)).astype(np.float64) * 2.0**-20 - 0.5
    images = noise.reshape(size, IMAGE, IMAGE, 1)
    for image, label in zip(images, labels):
        top, left = 2 + 14 * (label // 5), 2 + 5 * (label % 5)
        image[top : top + 10, left : left + 4] += 0.25
    return images, labels


def _mix(x: np.ndarray) -> np.ndarray:
    """lowbias32, a 32-bit integer hash (Wellons 2018, "Prospecting for Hash Functions")."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
