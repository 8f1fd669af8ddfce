"""events_statistics.py: for check_events.py: quantiles, intervals and slopes, from their definitions."""

import math

import numpy as np

NAN = float("nan")


def quantile(values, p):
    return float(np.quantile(np.array(values, float), p)) if len(values) else NAN


def bisect(function, low, high):
    """Where an increasing function becomes 0."""
    for _ in range(200):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def log_factorials(n):
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))


def poisson_interval(k, level=0.95):
    """Garwood: means for which k or more, k or fewer, have the tail's probability."""
    tail = (1 - level) / 2
    logs = log_factorials(k)
    i = np.arange(k + 1)

    def at_most(mean, n):
        return float(np.exp(i[:n + 1] * math.log(mean) - mean - logs[:n + 1]).sum())
    wide = 10 * math.sqrt(k + 1) + 10
    low = 0.0 if k == 0 else bisect(lambda m: 1 - tail - at_most(m, k - 1),
                                    max(1e-9, k - wide), k + 1)
    high = bisect(lambda m: tail - at_most(m, k), max(1e-9, k - 1), k + wide)
    return [low, high]


def binomial_cdf(k, n, p):
    if k < 0 or k >= n:
        return 0.0 if k < 0 else 1.0
    logs = log_factorials(n)
    i = np.arange(k + 1)
    return float(np.exp(logs[n] - logs[i] - logs[n - i] + i * math.log(p) + (n - i) * math.log1p(-p)).sum())


def share(k, n):
    """Clopper-Pearson, in percent."""
    if n == 0:
        return NAN, None
    low = 0.0 if k == 0 else bisect(lambda p: 1 - binomial_cdf(k - 1, n, p) - 0.025, 1e-15, 1 - 1e-15)
    high = 1.0 if k == n else bisect(lambda p: 0.025 - binomial_cdf(k, n, p), 1e-15, 1 - 1e-15)
    return 100 * k / n, [100 * low, 100 * high]


def autocovariance(x, lag):
    d = x - x.mean()
    return float((d[:len(d) - lag] * d[lag:]).sum()) / len(d)


def effective_n(x):
    """Geyer's initial positive sequence."""
    n, variance = len(x), autocovariance(x, 0)
    if n < 4 or variance <= 0:
        return float(n)
    total = 0.0
    for lag in range(0, n - 1, 2):
        pair = (autocovariance(x, lag) + autocovariance(x, lag + 1)) / variance
        if pair <= 0:
            break
        total += pair
    return min(n, max(1, n / max(2 * total - 1, 1)))


def median_interval(values):
    """Order statistics by the binomial distribution, with as many values as are independent."""
    x, n = np.array(values, float), len(values)
    if n == 0:
        return None
    m = int(effective_n((x <= np.quantile(x, 0.5)).astype(float)))
    cdf = [binomial_cdf(k, m, 0.5) for k in range(m + 1)]
    r = next((k for k in range(m + 1) if cdf[k] > 0.025), m)
    s = next((k for k in range(m + 1) if cdf[k] >= 0.975), m) + 1
    if r < 1 or s > m:
        return None
    ordered, spread = np.sort(x), (n + 1) / (m + 1)
    return [float(ordered[math.floor(r * spread) - 1]), float(ordered[math.ceil(s * spread) - 1])]


def normal_quantile(p):
    return bisect(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)) - p, -10, 10)


def ranks(x):
    order = np.argsort(x, kind="stable")
    result = np.empty(len(x))
    ordered = x[order]
    for value in np.unique(ordered):
        at = np.nonzero(ordered == value)[0]
        result[order[at]] = at.mean() + 1
    return result


def theil_sen(t, y):
    """Slope, and Sen's interval from Kendall's variance, widened after Hamed & Rao."""
    n = len(t)
    i, j = np.triu_indices(n, 1)
    dt, dy = t[j] - t[i], y[j] - y[i]
    slopes = np.sort(dy[dt != 0] / dt[dt != 0])
    slope = float(np.median(slopes))
    tt, ty = np.unique(t, return_counts=True)[1], np.unique(y, return_counts=True)[1]
    variance = (n * (n - 1) * (2 * n + 5) - (tt * (tt - 1) * (2 * tt + 5)).sum()
                - (ty * (ty - 1) * (2 * ty + 5)).sum()) / 18
    variance += (tt * (tt - 1) * (tt - 2)).sum() * (ty * (ty - 1) * (ty - 2)).sum() / (9 * n * (n - 1) * (n - 2))
    variance += (tt * (tt - 1)).sum() * (ty * (ty - 1)).sum() / (2 * n * (n - 1))
    r = ranks(y - slope * t)
    d, total = r - r.mean(), 0.0
    for lag in range(1, n - 2):
        rho = float((d[:n - lag] * d[lag:]).sum() / (d * d).sum())
        if abs(rho) > normal_quantile(0.975) / math.sqrt(n):
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
    variance *= max(1, 1 + 2 / (n * (n - 1) * (n - 2)) * total)
    width, count = normal_quantile(0.975) * math.sqrt(variance), len(slopes)
    low = max(0, math.floor((count - width) / 2 + 0.5) - 1)
    high = min(count - 1, math.floor((count + width) / 2 + 0.5))
    return slope, float(slopes[int(low)]), float(slopes[int(high)])
