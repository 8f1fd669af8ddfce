"""The little statistics that summary() needs; the interval of a ratio, and where warm-up ends."""
import math
import statistics

# Two-sided 95 % points of Student's t by degrees of freedom (Student 1908); beyond, by the expansion of
# Cornish and Fisher (Abramowitz and Stegun 26.7.5), exact to 1e-4 from there on.
_T_95 = (None, 12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
         2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860)
_Z = 1.959963985


def t_95(degrees):
    """The factor of a two-sided 95 % interval."""
    if degrees < 1:
        return None
    if degrees < len(_T_95):
        return _T_95[degrees]
    return (_Z + (_Z ** 3 + _Z) / (4 * degrees) +
            (5 * _Z ** 5 + 16 * _Z ** 3 + 3 * _Z) / (96 * degrees ** 2))


def warmup_count(times):
    """How many at the beginning are no like of the rest: each of them more than a tenth, and more than
    three robust standard deviations (1.4826 times the median deviation), above the median of all that
    follow. At least three have to follow, and at most half can go."""
    count = 0
    while count < len(times) // 2 and len(times) - count > 3:
        rest = times[count + 1:]
        middle = statistics.median(rest)
        spread = 1.4826 * statistics.median(abs(value - middle) for value in rest)
        if not times[count] > max(1.1 * middle, middle + 3 * spread):
            break
        count += 1
    return count


def mean_interval(values):
    """[low, high] of the mean, 95 %, or None below two values."""
    if len(values) < 2:
        return None
    mean = statistics.mean(values)
    half = t_95(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return [mean - half, mean + half]


def ratio_interval(tops, bottoms):
    """(sum of tops / sum of bottoms, its 95 % interval or None). The ratio estimator and its variance
    are those of Cochran, Sampling Techniques (1977), 6.4: a mean of ratios would let short pieces
    count as much as long ones."""
    ratio = sum(tops) / sum(bottoms)
    n = len(tops)
    if n < 2:
        return ratio, None
    squares = sum((top - ratio * bottom) ** 2 for top, bottom in zip(tops, bottoms))
    half = t_95(n - 1) * math.sqrt(squares / (n * (n - 1))) / (sum(bottoms) / n)
    return ratio, [ratio - half, ratio + half]
