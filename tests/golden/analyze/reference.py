"""What several check_*.py compute again: Student's t and the number of independent values."""
import math

import numpy as np


def t_quantile(p, df):
    """Student's t by integrating its density and bisection: no SciPy here."""
    if df <= 0:
        return math.nan
    norm = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)

    def cdf(x):
        theta = np.linspace(0, math.atan(x / math.sqrt(df)), 4001)  # x = sqrt(df) tan(theta)
        y = np.cos(theta) ** (df - 1)
        simpson = (y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum()) * (theta[1] - theta[0]) / 3
        return 0.5 + norm * math.sqrt(df) * simpson
    lo, hi = 0.0, 1000.0
    for _ in range(80):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if cdf(mid) < p else (lo, mid)
    return (lo + hi) / 2


def effective_n(x):
    """n / (1 + 2 sum of autocorrelations), Geyer's initial positive sequence."""
    n = len(x)
    d = x - x.mean()
    var = (d * d).mean()
    if n < 4 or var <= 1e-24 * x.mean() ** 2:  # all the same, but for the rounding of the mean
        return float(n)
    total = 0.0
    for lag in range(0, n - 1, 2):
        pair = sum((d[:n - k] * d[k:]).sum() / n for k in (lag, lag + 1)) / var
        if pair <= 0:
            break
        total += pair
    return min(n, max(1.0, n / max(2 * total - 1, 1)))


class Estimate:
    """A product of powers of means, or (powers of one series, linear) a mean."""
