/* settings_table.h: the rows of THE settings table (see settings.h for the columns).
 *
 * To add a setting: one row here; --help, completion, tacho.yaml, environment and
 * `doctor --config-values` follow. Rows stand in the order in which --help shows them.
 *
 * X(ID, key, aliases, type (SETTING_TYPE_ is put in front), min, max, choices, default, env, flag,
 * short, arg, commands, help)
 */
#ifndef TACHO_BASE_SETTINGS_TABLE_H
#define TACHO_BASE_SETTINGS_TABLE_H

/* Which command accepts the flag. A setting of no command (0) is only in the file or environment.
 */
#define COMMAND_RUN (1u << 0)
#define COMMAND_RUNS (1u << 1)
#define COMMAND_DOCTOR (1u << 2)
#define COMMAND_COMPLETION (1u << 3)
#define COMMAND_PROFILES (1u << 4)
#define COMMAND_ALL 0xffffffffu

#define DAY_S 86400.0

/* clang-format off */
#define SETTINGS_TABLE(X) \
X(ITERATIONS, "benchmark.iterations", "benchmark.test_iterations", U64, 1, 1e9, NULL, NULL, NULL, "iterations", 'n', "N", COMMAND_RUN, \
  "measured units: launches of a command") \
X(WARMUP, "benchmark.warmup", "benchmark.warmup_iterations", STRING, 0, 0, NULL, "auto", NULL, "warmup", 'w', "N|auto", COMMAND_RUN, \
  "units kept apart before measuring; auto finds them") \
X(INVOCATIONS, "benchmark.invocations", "benchmark.runs", U64, 1, 1e6, NULL, NULL, NULL, "invocations", 0, "K", COMMAND_RUN, \
  "processes; for a command the same as -n") \
X(DURATION, "benchmark.duration", NULL, DURATION, 0, 3650 * DAY_S, NULL, NULL, NULL, "duration", 'd', "T", COMMAND_RUN, \
  "measure for at least this long") \
X(MAX_DURATION, "benchmark.max_duration", NULL, DURATION, 0.001, 3650 * DAY_S, NULL, "5m", NULL, "max-duration", 0, "T", COMMAND_RUN, \
  "stop collecting more units after this long") \
X(TIMEOUT, "benchmark.timeout", "process.timeout_seconds benchmark.timeout_seconds", DURATION, 0.001, 3650 * DAY_S, NULL, NULL, NULL, "timeout", 0, "T", COMMAND_RUN, \
  "end a launch that takes longer: TERM, 2 s, KILL") \
X(CORES, "benchmark.cores", NULL, STRING, 0, 0, NULL, NULL, NULL, "cores", 0, "LIST", COMMAND_RUN, \
  "pin the program to these cores, e.g. 0-3 or 0,2") \
X(THREADS, "benchmark.threads", NULL, U64, 1, 4096, NULL, NULL, NULL, "threads", 0, "N", COMMAND_RUN, \
  "threads for OpenMP, OpenBLAS, MKL and numexpr") \
X(IGNORE_FAILURE, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "ignore-failure", 0, NULL, COMMAND_RUN, \
  "count failed launches and go on") \
X(SHOW_OUTPUT, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "show-output", 0, NULL, COMMAND_RUN, \
  "pass the program's output on to stderr") \
X(METRIC, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "metric", 'm', "NAME=REGEX", COMMAND_RUN, \
  "take a metric from the program's output; may be repeated") \
X(LIMIT, "limits", NULL, LIST, 0, 0, NULL, NULL, NULL, "limit", 'l', "EXPR", COMMAND_RUN, \
  "judge: 'p99(wall_ms)<=250'; may be repeated") \
X(PROFILE, "profile", NULL, STRING, 0, 0, NULL, NULL, "TACHO_PROFILE", "profile", 'p', "NAME", COMMAND_RUN, \
  "limits and counts from a profile: a name of tacho profiles, or FILE.yaml") \
X(WAIVE, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "waive", 0, "NAME,...", COMMAND_RUN, \
  "set these limits aside; the verdict says so") \
X(VALIDATE_ONLY, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "validate-only", 0, NULL, COMMAND_RUN, \
  "check settings, profile and limits; measure nothing") \
X(LABEL, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "label", 0, "TEXT", COMMAND_RUN, \
  "a name for the run") \
X(COLLECTOR, "monitoring.collectors", NULL, LIST, 0, 0, NULL, NULL, "TACHO_COLLECTOR", "collector", 'c', "NAME", COMMAND_RUN, \
  "sample only these collectors; may be repeated") \
X(INTERVAL, "monitoring.interval", "monitoring.sample_interval_ms:ms benchmark.sample_interval monitoring.interval_seconds", DURATION, 0.001, DAY_S, NULL, "100ms", NULL, "interval", 'i', "T", COMMAND_RUN, \
  "time between two samples of the sensors") \
X(GPU_METRICS, "monitoring.enable_gpu_metrics", "monitoring.enable_gpu_monitoring", BOOL, 0, 0, NULL, "true", NULL, NULL, 0, NULL, 0, \
  "sample GPUs") \
X(POWER_METRICS, "monitoring.enable_power_metrics", NULL, BOOL, 0, 0, NULL, "true", NULL, "power", 0, NULL, COMMAND_RUN, \
  "sample power sensors") \
X(EXPORT, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "export", 'e', "FILE.json", COMMAND_RUN, \
  "write the run as JSON") \
X(EXPORT_CSV, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "export-csv", 0, "FILE.csv", COMMAND_RUN, \
  "write the measured units as CSV") \
X(FORMAT, "output.format", NULL, CHOICE, 0, 0, "text,json,markdown,csv", "text", NULL, "format", 'f', "NAME", COMMAND_RUN | COMMAND_RUNS, \
  "text, json, markdown or csv") \
X(STORE_RUN, NULL, NULL, BOOL, 0, 0, NULL, "true", NULL, "store-run", 0, NULL, COMMAND_RUN, \
  "keep the run in the store (--no-store-run: leave it out)") \
X(CONFIG_VALUES, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "config-values", 0, NULL, COMMAND_DOCTOR, \
  "list every setting with its value and where it came from") \
X(LIST, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "list", 0, NULL, COMMAND_PROFILES, \
  "every profile with its limits; what is done without a name, too") \
X(INFO, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "info", 0, "NAME", COMMAND_PROFILES, \
  "all of this profile; --info may be left out") \
X(ALL, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "all", 'a', NULL, COMMAND_RUNS, \
  "list: every run, not only the newest 20; rm: every run") \
X(OUTPUT, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "output", 'o', "FILE", COMMAND_ALL, \
  "write what would go to stdout to FILE") \
X(JSON, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "json", 0, NULL, COMMAND_ALL, \
  "print JSON; the same as --format json") \
X(STORE, "store", NULL, STRING, 0, 0, NULL, NULL, "TACHO_STORE", "store", 0, "DIR", COMMAND_ALL, \
  "the store (default: .tacho, found upwards)") \
X(CONFIG, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_CONFIG", "config", 0, "FILE", COMMAND_ALL, \
  "settings file (default: tacho.yaml, found upwards)") \
X(QUIET, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "quiet", 'q', NULL, COMMAND_ALL, \
  "print only the verdict, no progress") \
X(VERBOSE, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "verbose", 'v', NULL, COMMAND_ALL, \
  "print every metric and tacho's own cost") \
X(HELP, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "help", 'h', NULL, COMMAND_ALL, \
  "show this help") \
X(ROOT, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_ROOT", NULL, 0, "DIR", 0, \
  "read /proc and /sys below this directory") \
X(DATA, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_DATA", NULL, 0, "DIR", 0, \
  "DIR/profiles/NAME.yaml go before the built-in profiles") \
X(ORT, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_ORT", NULL, 0, "FILE", 0, \
  "the ONNX Runtime library (nothing uses it yet)") \
X(SHM_DIR, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_SHM_DIR", NULL, 0, "DIR", 0, \
  "where instrumented programs put their segments (nothing uses it yet)") \
X(DISABLE, NULL, NULL, BOOL, 0, 0, NULL, "false", "TACHO_DISABLE", NULL, 0, NULL, 0, \
  "instrumented programs record nothing (nothing uses it yet)") \
X(DEVICE_TYPE, "device.type", NULL, CHOICE, 0, 0, "cpu,cuda,dla,npu", NULL, NULL, NULL, 0, NULL, 0, \
  "kind of device for models (nothing uses it yet)") \
X(DEVICE_ID, "device.id", NULL, U64, 0, 1024, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "which of them (nothing uses it yet)") \
X(PRECISION, "inference.precision", NULL, CHOICE, 0, 0, "fp32,fp16,bf16,int8,int4,mixed", NULL, NULL, NULL, 0, NULL, 0, \
  "precision of the model (nothing uses it yet)") \
X(BATCH_SIZE, "inference.batch_size", NULL, U64, 1, 65536, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "items per inference (nothing uses it yet)") \
X(STREAMS, "inference.streams", NULL, U64, 1, 1024, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "concurrent inferences (nothing uses it yet)") \
X(OUTPUT_DIRECTORY, "output.directory", NULL, STRING, 0, 0, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "where relative --export and --output files go") \
X(OUTPUT_CSV, "output.export_csv", NULL, BOOL, 0, 0, NULL, "false", NULL, NULL, 0, NULL, 0, \
  "write a CSV beside every --export FILE.json") \
X(BASELINE_DIR, "regression.baseline_dir", NULL, STRING, 0, 0, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "where baselines are kept (nothing uses it yet)") \
X(LATENCY_PCT, "regression.thresholds.latency_pct", NULL, DOUBLE, 0, 1000, NULL, "5", NULL, NULL, 0, NULL, 0, \
  "latency change that matters, % (nothing uses it yet)") \
X(THROUGHPUT_PCT, "regression.thresholds.throughput_pct", NULL, DOUBLE, 0, 1000, NULL, "5", NULL, NULL, 0, NULL, 0, \
  "throughput change that matters, % (nothing uses it yet)") \
X(P99_PCT, "regression.thresholds.p99_pct", NULL, DOUBLE, 0, 1000, NULL, "10", NULL, NULL, 0, NULL, 0, \
  "p99 change that matters, % (nothing uses it yet)")
/* clang-format on */

#endif
