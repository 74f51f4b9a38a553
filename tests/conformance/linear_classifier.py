"""The linear classifier of lm-eval-ppl --classify, written again from its definition in lm-eval-ppl(1), with numpy only."""

import numpy

FOLDS, SEED, FOLDS_PURPOSE = 5, 1, 10
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
M32, M64 = 2**32 - 1, 2**64 - 1


def philox(key, low, high):
    """Philox4x32-10 (Salmon et al. 2011)."""
    k0, k1 = key & M32, key >> 32
    c = [low & M32, low >> 32, high & M32, high >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b & M32, (a >> 32) ^ c[3] ^ k1, a & M32]
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c


def key_of(seed, purpose):
    """splitmix64's finaliser."""
    z = (seed + 0x9E3779B97F4A7C15 * purpose) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def draws(seed, purpose, index):
    """64-bit numbers of one stream."""
    key, position = key_of(seed, purpose), 0
    while True:
        words = philox(key, position, index)
        yield words[0] << 32 | words[1]
        yield words[2] << 32 | words[3]
        position += 1


def below(stream, bound):
    """An integer in [0, bound) without bias (Lemire 2019)."""
    while True:
        product = next(stream) * bound
        if (product & M64) >= (2**64 - bound) % bound:
            return product >> 64


def fold_of(record):
    order, stream = list(range(FOLDS)), draws(SEED, FOLDS_PURPOSE, record // FOLDS)
    for last in range(FOLDS - 1, 0, -1):
        other = below(stream, last + 1)
        order[last], order[other] = order[other], order[last]
    return order[record % FOLDS]


def fitted(x, y, classes, ridge):
    """A function from rows to the numbers of classes."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    varies = deviation > 1e-6 * numpy.abs(x - x[0]).max(axis=0)
    scale = numpy.where(varies, 1 / numpy.where(varies, deviation, 1), 0)
    z = (x - mean) * scale
    t = numpy.where(y[:, None] == numpy.arange(classes), 1.0, -1.0)
    # Ridge regression as least squares with rows added, not by normal equations.
    rows = numpy.vstack([z, numpy.sqrt(ridge * len(x)) * numpy.eye(x.shape[1])])
    weights = numpy.linalg.lstsq(rows, numpy.vstack([t, numpy.zeros((x.shape[1], classes))]), rcond=None)[0]
    return lambda new: (t.mean(axis=0) + (new - mean) * scale @ weights).argmax(axis=1)


def cross_validated(x, y, classes):
    """What is predicted for each row, and the ridge of each fold."""
    x, y = numpy.asarray(x, dtype=numpy.float64), numpy.asarray(y)
    folds = numpy.array([fold_of(record) for record in range(len(x))])
    predicted, chosen = numpy.zeros(len(x), dtype=int), []
    for fold in range(FOLDS):
        held_out = (fold + 1) % FOLDS
        inner, valid = (folds != fold) & (folds != held_out), folds == held_out
        right = [(fitted(x[inner], y[inner], classes, ridge)(x[valid]) == y[valid]).sum() for ridge in RIDGES]
        chosen.append(max(ridge for ridge, count in zip(RIDGES, right) if count == max(right)))
        predicted[folds == fold] = fitted(x[folds != fold], y[folds != fold], classes, chosen[-1])(x[folds == fold])
    return predicted, chosen
