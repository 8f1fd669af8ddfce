/* watch_view_text.c: values and bars of the live screen. Widths change as little as can be: what
 * stands still is easier to read, and costs nothing to send. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"
#include "report/watch_view_internal.h"

void pen_label(struct pen *pen, const char *label)
{
    grid_put(pen->grid, pen->row, 0, WATCH_VIEW_LABEL - 1, GRID_BOLD, label);
}

const char *watch_view_mb(double mb, char *buf, size_t size)
{
    return unit_format_bytes(mb * 0x1p20, buf, size);
}

const char *watch_view_pct(double pct, char *buf, size_t size)
{
    if (isnan(pct))
        snprintf(buf, size, "    -  ");
    else
        snprintf(buf, size, "%5.1f %%", pct);
    return buf;
}

const char *watch_view_text(const struct metric *metric, double value, char *buf, size_t size)
{
    int decimals = strcmp(metric->unit, "%") == 0         ? 1
                   : strcmp(metric->unit, "\u00b0C") == 0 ? 1
                   : strcmp(metric->unit, "W") == 0       ? 2
                   : strcmp(metric->unit, "MHz") == 0     ? 0
                                                          : -1;
    if (isnan(value))
        snprintf(buf, size, "-");
    else if (strcmp(metric->unit, "1/s") == 0) /* what it counts is in its name */
        snprintf(buf, size, "%.1f", value);
    else if (decimals < 0)
        return content_value(metric, value, buf, size);
    else
        snprintf(buf, size, "%.*f %s", value >= 100 && decimals > 1 ? 1 : decimals, value,
                 metric->unit);
    return buf;
}

/* Two digits: what is left until then is a forecast. */
const char *watch_view_duration(double s, char *buf, size_t size)
{
    static const struct {
        double from, seconds;
        const char *unit;
    } units[] = {{0, 1, "s"}, {100, 60, "min"}, {6000, 3600, "h"}, {172800, 86400, "days"}};
    char number[32];
    size_t row = 0;
    if (isnan(s) || isinf(s)) {
        snprintf(buf, size, "%s", isnan(s) ? "-" : "never");
        return buf;
    }
    while (row + 1 < ARRAY_LEN(units) && s >= units[row + 1].from)
        row++;
    unit_format_number(s / units[row].seconds, 2, number, sizeof(number));
    snprintf(buf, size, "%s %s", number, units[row].unit);
    return buf;
}

void watch_view_bar(struct pen *pen, size_t column, size_t columns, double share,
                    enum grid_style style)
{
    char text[GRID_SIDE_MAX];
    if (columns < 3 || columns >= sizeof(text))
        return;
    size_t room = columns - 2, filled = 0;
    if (share > 0)
        filled = (size_t)(fmin(share, 1) * (double)room + 0.5);
    if (share > 0 && filled == 0)
        filled = 1; /* a little is not nothing */
    memset(text, ' ', columns);
    text[0] = '[';
    memset(text + 1, '|', filled);
    text[columns - 1] = ']';
    text[columns] = '\0';
    grid_put(pen->grid, pen->row, column, columns, GRID_NORMAL, text);
    grid_paint(pen->grid, pen->row, column + 1, filled, style);
}
