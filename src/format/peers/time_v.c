/* time_v.c: GNU `time -v`: a run per command (several may stand in one file). Times have 10 ms
 * there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"

extern const struct peer peer_time;

static const char title[] = "Command being timed: \"";

static bool time_accepts(const struct peer_input *input)
{
    return peer_holds(input, title, input->size) &&
           peer_holds(input, "Maximum resident set size (kbytes)", input->size);
}

static const struct peer_field fields[] = {
    {"User time (seconds):", "user_ms", "ms", DIRECTION_LOWER, 1e3, "CPU time in user mode"},
    {"System time (seconds):", "system_ms", "ms", DIRECTION_LOWER, 1e3, "CPU time in the kernel"},
    {"Percent of CPU this job got:", "cpu_pct", "%", DIRECTION_NEITHER, 0,
     "CPU time over wall time; 100 is one core"},
    {"Maximum resident set size (kbytes):", "peak_rss_mb", "MB", DIRECTION_LOWER, 0x1p-10,
     "largest single process (ru_maxrss)"},
    {"Major (requiring I/O) page faults:", "major_faults", "", DIRECTION_LOWER, 0,
     "page faults that read from a disk"},
    {"Minor (reclaiming a frame) page faults:", "minor_faults", "", DIRECTION_LOWER, 0,
     "page faults without a disk"},
    {"Voluntary context switches:", "voluntary_switches", "", DIRECTION_LOWER, 0,
     "waits that it chose"},
    {"Involuntary context switches:", "involuntary_switches", "", DIRECTION_LOWER, 0,
     "switches that the scheduler forced"},
    {"File system inputs:", "blocks_read", "", DIRECTION_LOWER, 0, "blocks of 512 bytes"},
    {"File system outputs:", "blocks_written", "", DIRECTION_LOWER, 0, "blocks of 512 bytes"},
    {"Exit status:", "exit_status", "", DIRECTION_NEITHER, 0, "of the command"},
};

/* "1:02:03", "0:01.42": h:mm:ss or m:ss, as seconds; NaN: neither. */
static double clock_seconds(const char *text)
{
    double parts[3];
    int count = sscanf(text, "%lf:%lf:%lf", &parts[0], &parts[1], &parts[2]);
    if (count == 3)
        return parts[0] * 3600 + parts[1] * 60 + parts[2];
    return count == 2 ? parts[0] * 60 + parts[1] : NAN;
}

static void read_line(struct peer_run *run, const char *line)
{
    static const char elapsed[] = "(h:mm:ss or m:ss): ";
    const char *found = strstr(line, elapsed);
    if (found) {
        double seconds = clock_seconds(found + strlen(elapsed));
        if (seconds >= 0 && seconds < 1e9)
            run->duration_ns = (uint64_t)(seconds * 1e9);
        peer_run_value(run, "elapsed_ms", "ms", DIRECTION_LOWER, "wall time", seconds * 1e3);
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        double value;
        /* "Voluntary" also stands in "Involuntary": a line begins with its name. */
        if (str_starts_with(line + strspn(line, "\t "), fields[i].key) &&
            peer_number_after(line, fields[i].key, &value))
            peer_run_value(run, fields[i].name, fields[i].unit, fields[i].direction,
                           fields[i].definition,
                           fields[i].scale == 0 ? value : value * fields[i].scale);
    }
}

static int time_read(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[4096];
    size_t at = 0, runs = 0;
    int rc = 0;
    while (rc == 0 && peer_line(input, &at, line, sizeof(line))) {
        char *command = strstr(line, title);
        if (command) {
            rc = runs > 0 ? peer_run_end(&run) : 0;
            if (rc < 0)
                return rc;
            command += strlen(title);
            char *end = strrchr(command, '"');
            if (end)
                *end = '\0';
            peer_run_init(&run, &peer_time, input, runs++, command, err);
            facts_text(&run.workload, "command", command, input->file);
        } else if (runs > 0) {
            read_line(&run, line);
        }
    }
    return runs > 0 ? peer_run_end(&run) : rc;
}

const struct peer peer_time = {.name = "time",
                               .files = "GNU time -v",
                               .is_text = true,
                               .accepts = time_accepts,
                               .read = time_read};
