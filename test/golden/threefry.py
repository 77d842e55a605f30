"""The library's random numbers, for NumPy: the same bits as src/random/threefry.ts."""

import numpy as np

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
ROUNDS = 20

# The streams of src/random/threefry.ts that the goldens use.
DATA = 4
PARAMETERS = 1024


def threefry2x32(key, counter):
    """Two words (arrays of uint32) for two words of key and of counter."""
    key = [np.uint32(key[0]), np.uint32(key[1])]
    key.append(key[0] ^ key[1] ^ np.uint32(PARITY))
    x0 = np.asarray(counter[0], np.uint32) + key[0]
    x1 = np.asarray(counter[1], np.uint32) + key[1]
    for number in range(ROUNDS):
        rotation = ROTATIONS[number % 8]
        x0 = x0 + x1
        x1 = ((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))) ^ x0
        if number % 4 == 3:
            injection = (number + 1) // 4
            x0 = x0 + key[injection % 3]
            x1 = x1 + key[(injection + 1) % 3] + np.uint32(injection)
    return x0, x1


class RandomStream:
    """The draws of one (seed, stream, substream), in order."""

    def __init__(self, seed, stream, substream=0):
        self.key = (seed, stream)
        self.substream = substream
        self.drawn = 0

    def words(self, count):
        """The next `count` random words."""
        first, end = self.drawn, self.drawn + count
        counters = np.arange(first // 2, (end + 1) // 2, dtype=np.uint32)
        pairs = threefry2x32(self.key, (counters, np.full_like(counters, self.substream)))
        self.drawn = end
        return np.stack(pairs, axis=1).ravel()[first % 2 :][:count]

    def floats(self, count):
        """Uniform on [0, 1), as float64."""
        return (self.words(count) >> np.uint32(8)) * 2.0**-24

    def below(self, bound, count):
        """Uniform on 0 … bound − 1."""
        words = self.words(count).astype(np.int64)
        # The library redraws these; none has come up so far.
        assert (words < 2**32 - 2**32 % bound).all()
        return words % bound


def check():
    """A line of Random123's tests/kat_vectors: "threefry2x32 20"."""
    x0, x1 = threefry2x32((0x13198A2E, 0x03707344), ([0x243F6A88], [0x85A308D3]))
    assert (x0[0], x1[0]) == (0xC4923A9C, 0x483DF7A0)
