# Prints the numbers that the tests beside this file expect, as numpy and scipy compute them:
#     pip install numpy scipy && python3 make_stats_golden.py
import numpy as np
from scipy import optimize, stats

values = np.array([2.1, 3.4, 1.9, 5.6, 4.4, 2.8, 3.1])
print("mean", values.mean(), "standard error", stats.sem(values))
print("quantiles", np.quantile(values, [0.025, 0.3, 0.975]))
print("normal quantile", repr(stats.norm.ppf(0.975)))

nats = np.array([120.5, 88.25, 301.0, 45.75, 210.5, 18.0])
tokens = np.array([40.0, 31.0, 95.0, 17.0, 77.0, 5.0])
other = np.array([118.0, 90.5, 296.25, 47.0, 205.5, 18.5])


# The standard error of a ratio as the residuals of a weighted regression through the origin with a robust (HC1) variance.
def ratio(y, x):
    r = y.sum() / x.sum()
    return r, np.sqrt(len(x) * np.var(y - r * x, ddof=1) * len(x) / x.sum() ** 2 / len(x))


print("ratio", ratio(nats, tokens), "paired", ratio(nats - other, tokens))
for hits, trials in ((0, 10), (7, 12), (950, 1000)):
    print("wilson", hits, trials, stats.binomtest(hits, trials).proportion_ci(method="wilson"))

a = np.array([[1, 0.5, 2], [1, 1.5, -1], [1, 2.5, 0.25], [1, 4, 3], [1, 5.5, -2]])
y = np.array([3.0, 1.5, 4.25, 9.0, 2.0])
print("least squares", np.linalg.lstsq(a, y, rcond=None)[0])
print("of least norm", np.linalg.lstsq(np.array([[1, 2], [2, 4], [3, 6.0]]), np.array([1, 2, 4.0]), rcond=None)[0])

# A law with noise: the same minimum from a solver that knows nothing of grids.
x = 1e4 * 3.0 ** np.arange(8)
loss = (1.5 + 200 * x**-0.4) * np.exp([0.003, -0.002, 0.001, 0.004, -0.003, 0.0005, -0.001, 0.002])


def fit(x, loss):
    best = None
    for start in np.linspace(0, 0.98 * loss.min(), 40):
        found = optimize.least_squares(
            lambda v: np.log(v[0] + np.exp(v[1] - v[2] * np.log(x))) - np.log(loss), [start, 5, 0.4],
            bounds=([0, -50, -5], [loss.min(), 50, 5]), x_scale=[1, 1, 0.1], xtol=1e-15, ftol=1e-15, gtol=1e-15)
        if best is None or found.cost < best.cost:
            best = found
    return best


best = fit(x, loss)
print("loss", [float(f"{v:.10f}") for v in loss])
print("law: E, A, a", best.x[0], np.exp(best.x[1]), best.x[2], "rms", np.sqrt(2 * best.cost / len(x)))
laws = np.array([fit(np.delete(x, i), np.delete(loss, i)).x for i in range(len(x))])
print("leave one out: E", laws[:, 0].min(), laws[:, 0].max(), "a", laws[:, 2].min(), laws[:, 2].max())

# 100 pairs of golden-ratio multiples; a hit if another is below p squared.
p = (np.arange(1, 101) * 0.6180339887498949) % 1
hit = (np.arange(1, 101) * 0.7548776662466927) % 1 < p**2
order = np.argsort(p)
edges = [k * 100 // 15 for k in range(16)]
bins = [order[low:high] for low, high in zip(edges, edges[1:])]
print("bins", [(len(b), p[b].mean(), hit[b].mean()) for b in bins[:2] + bins[-1:]])
print("expected calibration error", sum(len(b) * abs(hit[b].mean() - p[b].mean()) for b in bins) / 100)
