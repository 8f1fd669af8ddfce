/* metric.c: THE registry. To add a metric: one row here, nothing else. */
#include "model/metric.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

#define NS_TO_MS 1e-6

#define NS_ROW(name, limit_stat, definition)                                                       \
    {                                                                                              \
        name, "ms", DIRECTION_LOWER, METRIC_NS, NS_TO_MS, limit_stat, definition                   \
    }
#define ROW(name, unit, direction, limit_stat, definition)                                         \
    {                                                                                              \
        name, unit, DIRECTION_##direction, METRIC_VALUE, 1, limit_stat, definition                 \
    }

const struct metric metrics_table[] = {
    /* ---- time of a measured unit ---- */
    NS_ROW("wall_ms", "p99",
           "Wall-clock time (CLOCK_MONOTONIC) of one launch, from just before exec to the end of "
           "its main process."),
    NS_ROW(
        "latency_ms", "p99",
        "Wall-clock time of one inference, until its outputs are ready: from the call, or, in an "
        "open loop (--rate), from its intended start, so that waiting in the queue counts."),
    NS_ROW("service_ms", "p99",
           "Open loop: wall-clock time of the inference call alone, without the wait before it."),
    NS_ROW("send_lag_ms", "p99",
           "Open loop: how much later than its intended start an inference began."),
    NS_ROW("unserved_wait_ms", "max",
           "Open loop: how long an inference that was never begun had waited when the time was "
           "over; its latency would have been longer."),
    NS_ROW("load_ms", "mean", "Time to open the engine's library, in a fresh process."),
    NS_ROW("session_ms", "mean",
           "Time to create the session: the model is read, optimised and placed on its device."),
    NS_ROW("first_ms", "mean",
           "Wall-clock time of the first inference of a fresh process, kept apart from latency_ms; "
           "the engine's profiler was on."),
    NS_ROW("node_ms", "mean",
           "Time of one node of the model in one inference, as the engine's own profiler tells "
           "(whole microseconds)."),
    NS_ROW("h2d_ms", "mean", "Time to copy the inputs of one inference to its device."),
    NS_ROW("gpu_compute_ms", "mean",
           "Time of one inference on its device alone, without the copies before and after it."),
    NS_ROW("d2h_ms", "mean", "Time to copy the outputs of one inference from its device."),
    NS_ROW("user_ms", "mean",
           "CPU time in user mode of the process and of the descendants that were waited for "
           "(wait4 ru_utime)."),
    NS_ROW("system_ms", "mean",
           "CPU time in the kernel of the process and of the descendants that were waited for "
           "(wait4 ru_stime)."),
    NS_ROW("task_clock_ms", "mean",
           "Time during which threads of the process and its children ran on a CPU (perf "
           "task-clock)."),
    NS_ROW("synthetic_latency_ms", "p99",
           "An invented latency from the synthetic workload; it says nothing about this machine."),

    /* ---- what a unit got done, and at what price ---- */
    ROW("throughput_per_s", "1/s", HIGHER, "mean",
        "Items (calls times batch size) per second of wall-clock time of the steady phase."),
    ROW("energy_per_inference_j", "J", LOWER, "mean",
        "Energy of the steady phase divided by the items inferred in it; idle power included."),

    /* ---- CPU and memory of a process ---- */
    ROW("cpu_pct", "%", NEITHER, "mean",
        "CPU time over wall-clock time of the process and its waited-for descendants; 100 is one "
        "core fully used."),
    ROW("peak_rss_mb", "MB", LOWER, "max",
        "Largest resident memory of any single process of the launch (wait4 ru_maxrss)."),
    ROW("stage_rss_mb", "MB", LOWER, "max",
        "Resident memory of the worker at the end of a stage: load, session, first, steady "
        "(/proc/PID/statm)."),
    ROW("stage_anon_mb", "MB", LOWER, "max",
        "Anonymous memory of the worker at the end of a stage: what was allocated, without mapped "
        "files (/proc/PID/status RssAnon)."),
    ROW("peak_tree_rss_mb", "MB", LOWER, "max",
        "Largest resident memory of all processes of the launch together; sampled, so a lower "
        "bound, and pages shared between them count once for each."),
    ROW("processes_max", "", NEITHER, "max",
        "Most processes of the launch that were seen alive at once; sampled, so a lower bound."),
    ROW("minor_faults", "", LOWER, "mean",
        "Page faults served without reading from a disk (wait4 ru_minflt)."),
    ROW("major_faults", "", LOWER, "mean",
        "Page faults that had to wait for a disk (wait4 ru_majflt)."),
    ROW("voluntary_switches", "", NEITHER, "mean",
        "Context switches because a thread waited for something (wait4 ru_nvcsw)."),
    ROW("involuntary_switches", "", LOWER, "mean",
        "Context switches because a thread's time was up or another had priority (wait4 "
        "ru_nivcsw)."),
    ROW("block_read_mb", "MB", LOWER, "mean",
        "Data that had to be fetched from block devices (wait4 ru_inblock, in sectors of 512 "
        "bytes); what the page cache served is not in it."),
    ROW("block_written_mb", "MB", LOWER, "mean",
        "Data sent towards block devices (wait4 ru_oublock, in sectors of 512 bytes)."),
    ROW("char_read_mb", "MB", LOWER, "mean",
        "Data that read(2) and its relatives returned, from wherever it came (/proc/PID/io "
        "rchar)."),
    ROW("char_written_mb", "MB", LOWER, "mean",
        "Data handed to write(2) and its relatives, wherever it went (/proc/PID/io wchar)."),

    /* ---- event counters of a launch and its children ---- */
    ROW("cycles", "", LOWER, "mean", "CPU cycles while the program ran (perf cpu-cycles)."),
    ROW("instructions", "", LOWER, "mean", "Instructions retired (perf instructions)."),
    ROW("ipc", "", HIGHER, "mean",
        "Instructions per cycle, both counted in one group over the same time."),
    ROW("cache_references", "", NEITHER, "mean",
        "Accesses to the cache level that the CPU counts as its last (perf cache-references)."),
    ROW("cache_misses", "", LOWER, "mean",
        "Accesses that missed that cache level (perf cache-misses)."),
    ROW("cache_miss_pct", "%", LOWER, "mean", "Cache misses as a share of cache references."),
    ROW("branches", "", NEITHER, "mean", "Branch instructions retired (perf branch-instructions)."),
    ROW("branch_misses", "", LOWER, "mean", "Branches predicted wrongly (perf branch-misses)."),
    ROW("branch_miss_pct", "%", LOWER, "mean", "Branch misses as a share of branches."),
    ROW("context_switches", "", LOWER, "mean",
        "Context switches of the process and its children (perf context-switches)."),
    ROW("cpu_migrations", "", LOWER, "mean",
        "Times that a thread moved to another CPU (perf cpu-migrations)."),
    ROW("page_faults", "", LOWER, "mean",
        "Page faults, minor and major, of the process and its children (perf page-faults)."),

    /* ---- an instrumented program, over each interval ---- */
    ROW("inference_avg_ms", "ms", LOWER, "mean",
        "Mean duration of the instrumented inferences that ended in the interval."),
    ROW("inference_p99_ms", "ms", LOWER, "max",
        "99th percentile of the durations of the instrumented inferences that ended in the "
        "interval."),
    ROW("inference_max_ms", "ms", LOWER, "max",
        "Longest of the instrumented inferences that ended in the interval."),
    ROW("inference_count", "", NEITHER, "mean",
        "Instrumented inferences that ended in the interval."),
    ROW("pipeline_fps", "1/s", HIGHER, "mean",
        "Frames that the instrumented pipeline finished per second of the interval: all its own "
        "frame counters together, else those of the hooks, or what --fps-channel names."),
    ROW("span_avg_ms", "ms", LOWER, "mean",
        "Mean duration of the spans of one name that ended in the interval."),
    ROW("span_p99_ms", "ms", LOWER, "max",
        "99th percentile of the durations of those spans, from their histogram (0.4 %)."),
    ROW("span_max_ms", "ms", LOWER, "max",
        "Longest of those spans; from the histogram (0.4 %) unless it is the longest ever."),
    ROW("span_rate_per_s", "1/s", NEITHER, "mean", "Those spans per second of the interval."),
    ROW("span_open_s", "s", LOWER, "max",
        "How long the oldest span of one name that has begun and not ended is open."),
    NS_ROW("span_ms", "p99",
           "Duration of the spans of one name of an instrumented program, all of its threads and "
           "processes together (from histograms: 0.4 %)."),
    NS_ROW("span_first_ms", "max",
           "Duration of the first span of one name: warm-up; it is part of span_ms, too."),
    ROW("span_errors", "", LOWER, "max", "Those spans that the program ended by an error."),
    NS_ROW("frame_interval_ms", "p99", "Time between two frames of one camera."),
    ROW("mark_s", "s", LOWER, "max",
        "When an instrumented program set a mark, in seconds since the mark before it; of the "
        "first "
        "since the program began to record."),
    ROW("mark_rss_mb", "MB", LOWER, "max", "Resident memory of the program at that mark."),
    ROW("mark_growth_mb", "MB", LOWER, "max",
        "By how much resident memory grew from the mark before it to that mark."),
    ROW("frame_fps", "1/s", HIGHER, "mean",
        "Frames of one camera (one frame counter) per second of the interval; tacho run: of a "
        "second "
        "at a time."),
    ROW("frames_total", "", HIGHER, "max", "Frames of one camera since the program began."),
    ROW("counter_total", "", NEITHER, "max",
        "What a counter of an instrumented program has come to since the program began."),
    ROW("gauge_value", "", NEITHER, "max",
        "The last value of a gauge of an instrumented program; of several processes the largest."),
    ROW("gauge_max", "", NEITHER, "max",
        "Largest value of that gauge in the interval; where none was larger than every one before, "
        "the last value."),
    ROW("probe_left_out", "", LOWER, "max",
        "Names of instrumented programs without a column here, and names, threads and histograms "
        "for which their segments had no room."),

    /* ---- collectors: the machine and the measured process over time ---- */
    ROW("cpu_total_pct", "%", NEITHER, "mean",
        "Busy share of all online CPUs together since the last sample (/proc/stat); 100 is the "
        "whole machine, and waiting for I/O is not busy."),
    ROW("cpu_track_pct", "%", NEITHER, "mean",
        "CPU time of the tracked process and its descendants since the last sample; 100 is one "
        "core fully used."),
    ROW("core_pct", "%", NEITHER, "mean", "Busy share of one CPU, counted as cpu_total_pct."),
    ROW("mem_total_mb", "MB", NEITHER, "max",
        "Memory that the kernel manages (/proc/meminfo MemTotal)."),
    ROW("mem_used_mb", "MB", LOWER, "max",
        "Memory that programs could not get without swapping (/proc/meminfo MemTotal - "
        "MemAvailable)."),
    ROW("swap_used_mb", "MB", LOWER, "max", "Swap in use on the whole machine."),
    ROW("mem_track_rss_mb", "MB", LOWER, "max",
        "Resident memory of the tracked process and its descendants; shared pages count once for "
        "each process."),
    ROW("mem_track_anon_mb", "MB", LOWER, "max",
        "Anonymous resident memory of the tracked process and its descendants: what they "
        "allocated, "
        "without files and shared memory (RssAnon; from statm, the same counters)."),
    ROW("mem_track_swap_mb", "MB", LOWER, "max",
        "Anonymous memory of the tracked process and its descendants that is swapped out "
        "(/proc/PID/status VmSwap)."),
    ROW("threads", "", NEITHER, "max", "Threads of the tracked process and its descendants."),
    ROW("track_processes", "", NEITHER, "max",
        "Live processes of the tracked tree, the tracked one included."),
    ROW("track_fds", "", LOWER, "max",
        "Open file descriptors of the tracked process and its descendants (/proc/PID/fd)."),
    ROW("track_voluntary_switches_per_s", "1/s", NEITHER, "mean",
        "Context switches of all threads of the tracked tree because they waited for something "
        "(/proc/PID/task/TID/status); of threads that ended since the last sample, none."),
    ROW("track_involuntary_switches_per_s", "1/s", LOWER, "mean",
        "Context switches of all threads of the tracked tree because their time was up or another "
        "had priority (/proc/PID/task/TID/status); of threads that ended since the last sample, "
        "none."),
    ROW("track_minor_faults_per_s", "1/s", LOWER, "mean",
        "Page faults of the tracked tree served without reading from a disk (/proc/PID/stat "
        "minflt)."),
    ROW("track_major_faults_per_s", "1/s", LOWER, "mean",
        "Page faults of the tracked tree that had to wait for a disk (/proc/PID/stat majflt)."),
    ROW("track_read_mb_per_s", "MB/s", NEITHER, "mean",
        "Data that the tracked tree caused to be fetched from storage (/proc/PID/io read_bytes); "
        "what the page cache served is not in it."),
    ROW("track_written_mb_per_s", "MB/s", NEITHER, "mean",
        "Data that the tracked tree caused to be sent to storage (/proc/PID/io write_bytes)."),
    ROW("mem_growth_mb_per_min", "MB/min", LOWER, "max",
        "How fast memory of the watched processes grows once the start-up is over: the slope of "
        "its "
        "floors (Theil and Sen) of the memory verdict; of a leak that speeds up, its slope now."),
    ROW("work_done", "", HIGHER, "max",
        "What the watched program has produced: size in bytes, or lines, of the file of "
        "--work-file; else what its work counters (tacho_work) have come to."),
    ROW("pipeline_queue_depth", "", LOWER, "max",
        "Items that wait in the instrumented program's queue: the largest of its gauges whose name "
        "begins with queue."),
    ROW("pipeline_drops", "", LOWER, "max",
        "Items that the instrumented program threw away since it began: all that it counts as "
        "dropped (tacho_dropped)."),
    ROW("pipeline_write_ms", "ms", LOWER, "max",
        "Longest write to storage within the interval: the longest span named write."),
    ROW("run_queue", "", NEITHER, "mean",
        "Threads of the whole machine that run or wait for a CPU (/proc/loadavg)."),
    ROW("load1", "", NEITHER, "mean",
        "The kernel's load average over one minute: threads that run, wait for a CPU or sleep "
        "uninterruptibly."),
    ROW("psi_cpu_some_pct", "%", LOWER, "mean",
        "Share of the time in which at least one thread waited for a CPU (/proc/pressure/cpu, "
        "difference of the total)."),
    ROW("psi_memory_some_pct", "%", LOWER, "mean",
        "Share of the time in which at least one thread waited for memory (/proc/pressure/memory, "
        "difference of the total)."),
    ROW("psi_io_some_pct", "%", LOWER, "mean",
        "Share of the time in which at least one thread waited for I/O (/proc/pressure/io, "
        "difference of the total)."),
    ROW("cgroup_mem_mb", "MB", LOWER, "max",
        "Memory charged to the cgroup that tacho and what it measures run in, page cache included "
        "(memory.current; version 1: memory.usage_in_bytes)."),
    ROW("cgroup_mem_anon_mb", "MB", LOWER, "max",
        "Anonymous memory of that cgroup: what programs allocated, without page cache (memory.stat "
        "anon; version 1: total_rss)."),
    ROW("cgroup_cpu_pct", "%", NEITHER, "mean",
        "CPU time of that cgroup, or of the group above it that sets the smallest CPU quota, since "
        "the last sample (cpu.stat usage_usec; version 1: cpuacct.usage); 100 is one core fully "
        "used."),
    ROW("cgroup_periods", "", NEITHER, "mean",
        "Periods of the smallest CPU quota of that cgroup and those above it that ended since the "
        "last sample (cpu.stat nr_periods); the kernel counts them only while the group runs."),
    ROW("cgroup_throttled_pct", "%", LOWER, "mean",
        "Share of those periods in which the quota was used up and the group had to wait (cpu.stat "
        "nr_throttled over nr_periods)."),
    ROW("cgroup_throttled_time_pct", "%", LOWER, "mean",
        "Time for which that quota held back the group's run queues over wall-clock time, summed "
        "over the cores (cpu.stat throttled_usec; version 1: throttled_time); 100 is one core all "
        "of the time."),
    ROW("cgroup_oom_kills", "", LOWER, "max",
        "Processes of that cgroup and those below it that the kernel killed for want of memory "
        "since the last sample (memory.events oom_kill; version 1: memory.oom_control)."),
    ROW("cgroup_pids", "", NEITHER, "max",
        "Processes and threads in that cgroup and those below it (pids.current)."),
    ROW("cpu_mhz", "MHz", NEITHER, "mean",
        "Clock of a CPU, or of a group of CPUs that share it (cpufreq scaling_cur_freq)."),
    ROW("temp_c", "\u00b0C", LOWER, "max", "Temperature of a thermal zone or sensor."),
    ROW("power_w", "W", LOWER, "mean",
        "Electrical power drawn by a rail, package or board; which one, the instance says."),
    ROW("energy_j", "J", LOWER, "max",
        "Energy drawn since the run began, from a counter that the hardware keeps."),
    ROW("gpu_util_pct", "%", NEITHER, "mean",
        "Share of the driver's own window (166 ms to 1 s) in which a kernel ran on the GPU; on a "
        "Jetson the load that its sysfs tells."),
    ROW("gpu_mem_used_mb", "MB", LOWER, "max",
        "GPU memory in use by all processes, without what the driver reserves where it says so; on "
        "a Jetson, whose memory is shared, what is allocated for its GPU, cameras and engines "
        "(nvmap)."),
    ROW("gpu_mem_track_mb", "MB", LOWER, "max",
        "GPU memory that the tracked process and its descendants hold, as the driver accounts it."),
    ROW("gpu_mem_total_mb", "MB", NEITHER, "max", "Memory of the GPU."),
    ROW("gpu_mhz", "MHz", NEITHER, "mean", "Clock of the GPU's processors."),
    ROW("gpu_mem_mhz", "MHz", NEITHER, "mean", "Clock of the GPU's memory."),
    ROW("gpu_temp_c", "\u00b0C", LOWER, "max", "Temperature of the GPU."),
    ROW("gpu_power_w", "W", LOWER, "mean",
        "Electrical power of the GPU: the instantaneous reading where the driver has one, else its "
        "average over the last second."),
    ROW("gpu_energy_j", "J", LOWER, "max",
        "Energy drawn by the GPU since the run began (the driver's counter)."),
    ROW("gpu_throttle_reasons", "", NEITHER, "max",
        "Why the GPU's clock is held back, as the driver's bit mask (0x4 software power cap, 0x20 "
        "and 0x40 temperature, 0x80 power brake; 0x1 is idle and no throttling)."),
    ROW("kv_cache_use_pct", "%", LOWER, "max",
        "Share of the KV cache of a server of language models that is in use, as the server counts "
        "it (vllm:kv_cache_usage_perc, llamacpp:kv_cache_usage_ratio)."),
    ROW("kv_cache_tokens", "", NEITHER, "max",
        "Tokens in that cache: what the server says (llamacpp:kv_cache_tokens), or its use times "
        "its size."),
    ROW("kv_cache_size_tokens", "", NEITHER, "max",
        "Tokens that the cache can hold (vllm:cache_config_info: kv_cache_size_tokens, or "
        "num_gpu_blocks times block_size)."),
    ROW("llm_requests_running", "", NEITHER, "mean",
        "Requests that the server works on (vllm:num_requests_running, "
        "llamacpp:requests_processing)."),
    ROW("llm_requests_waiting", "", LOWER, "max",
        "Requests that wait to be worked on (vllm:num_requests_waiting, "
        "llamacpp:requests_deferred)."),
    ROW("emc_mhz", "MHz", NEITHER, "mean", "Clock of a Jetson's memory controller (EMC)."),
    ROW("emc_util_pct", "%", NEITHER, "mean",
        "Activity of a Jetson's memory controller over its clock (actmon's mc_all, in kHz)."),
    ROW("engine_util_pct", "%", NEITHER, "mean",
        "Load of an engine of a Jetson (vic, nvdec, nvenc, ...), as tegrastats tells it."),
    ROW("engine_mhz", "MHz", NEITHER, "mean",
        "Clock of an engine of a Jetson (vic, nvdec, nvenc, nvjpg, ape, nvdla0, ...); 0 while it "
        "is "
        "switched off."),
    ROW("fan_pct", "%", NEITHER, "mean",
        "How hard the fan of a Jetson is driven: its PWM value over 255."),
    ROW("under_voltage", "", LOWER, "max",
        "1 while the supply of a Raspberry Pi is below 4.63 V (hwmon rpi_volt)."),
    ROW("soc_throttle_flags", "", NEITHER, "max",
        "Why a Raspberry Pi holds back its clock, as the firmware's bit mask (0x1 under-voltage, "
        "0x2 frequency capped, 0x4 throttled, 0x8 soft temperature limit; shifted left by 16: has "
        "happened since boot)."),
};

const size_t metrics_table_count = ARRAY_LEN(metrics_table);

/* Names by which the same quantity is known elsewhere. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"time_ms", "wall_ms"},
    {"elapsed_ms", "wall_ms"},
    {"wall_time_ms", "wall_ms"},
    {"cpu_percent", "cpu_pct"},
    {"gpu_percent", "gpu_util_pct"},
    {"throughput", "throughput_per_s"},
    {"throughput_fps", "throughput_per_s"},
    {"memory_used_mb", "mem_used_mb"},
    {"memory_total_mb", "mem_total_mb"},
    {"temperature_c", "temp_c"},
    {"rss_mb", "peak_rss_mb"},
    {"peak_memory_mb", "peak_rss_mb"},
    {"minflt", "minor_faults"},
    {"majflt", "major_faults"},
    {"migrations", "cpu_migrations"},
};

static const struct metric *find_row(const char *name)
{
    for (size_t i = 0; i < metrics_table_count; i++) {
        if (strcmp(metrics_table[i].name, name) == 0)
            return &metrics_table[i];
    }
    return NULL;
}

const struct metric *metric_find(const char *name)
{
    const struct metric *row = find_row(name);
    for (size_t i = 0; i < ARRAY_LEN(aliases) && !row; i++) {
        if (strcmp(aliases[i].alias, name) == 0)
            row = find_row(aliases[i].name);
    }
    return row;
}

const char *metric_nearest(const char *name)
{
    const char *names[ARRAY_LEN(metrics_table)];
    for (size_t i = 0; i < metrics_table_count; i++)
        names[i] = metrics_table[i].name;
    int nearest = str_nearest(name, names, metrics_table_count);
    if (nearest >= 0)
        return names[nearest];
    /* "latency" is no typing error of "latency_ms", but it is what was meant. */
    for (size_t i = 0; i < metrics_table_count && strlen(name) >= 3; i++) {
        if (str_starts_with(names[i], name))
            return names[i];
    }
    return NULL;
}

const char *metric_stand_in(const char *name)
{
    return strcmp(name, "latency_ms") == 0 ? "wall_ms" : NULL;
}

double metric_to_shown(const struct metric *metric, double inside)
{
    if (metric->scale > 0 && metric->scale < 1) {
        double divisor = round(1 / metric->scale);
        if (fabs(divisor * metric->scale - 1) < 1e-12)
            return inside / divisor;
    }
    return inside * metric->scale;
}

double metric_to_inside(const struct metric *metric, double shown)
{
    if (metric->scale > 0 && metric->scale < 1) {
        double factor = round(1 / metric->scale);
        if (fabs(factor * metric->scale - 1) < 1e-12)
            return shown * factor;
    }
    return shown / metric->scale;
}

const char *direction_name(enum direction direction)
{
    switch (direction) {
    case DIRECTION_LOWER:
        return "lower";
    case DIRECTION_HIGHER:
        return "higher";
    default:
        return "neither";
    }
}
