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
#define COMMAND_BENCH (1u << 5)
#define COMMAND_DEVICES (1u << 6)
#define COMMAND_MONITOR (1u << 7)
#define COMMAND_ANALYZE (1u << 8)
#define COMMAND_MODEL (COMMAND_RUN | COMMAND_BENCH) /* whatever can measure a model */
#define COMMAND_ALL 0xffffffffu

#define DAY_S 86400.0

/* clang-format off */
#define SETTINGS_TABLE(X) \
X(ITERATIONS, "benchmark.iterations", "benchmark.test_iterations", U64, 1, 1e9, NULL, NULL, NULL, "iterations", 'n', "N", COMMAND_MODEL, \
  "measured units: inferences of a model, launches of a program; bench: of each configuration") \
X(WARMUP, "benchmark.warmup", "benchmark.warmup_iterations", STRING, 0, 0, NULL, "auto", NULL, "warmup", 'w', "N|auto", COMMAND_MODEL, \
  "units kept apart before measuring; auto finds them") \
X(INVOCATIONS, "benchmark.invocations", "benchmark.runs", U64, 1, 1e6, NULL, NULL, NULL, "invocations", 0, "K", COMMAND_RUN, \
  "processes, each with N inferences; for a program the same as -n") \
X(DURATION, "benchmark.duration", NULL, DURATION, 0, 3650 * DAY_S, NULL, NULL, NULL, "duration", 'd', "T", COMMAND_MODEL | COMMAND_MONITOR | COMMAND_ANALYZE, \
  "measure for at least this long; monitor: watch for this long") \
X(MAX_DURATION, "benchmark.max_duration", NULL, DURATION, 0.001, 3650 * DAY_S, NULL, "5m", NULL, "max-duration", 0, "T", COMMAND_MODEL, \
  "stop collecting more units after this long") \
X(TIMEOUT, "benchmark.timeout", "process.timeout_seconds benchmark.timeout_seconds", DURATION, 0.001, 3650 * DAY_S, NULL, NULL, NULL, "timeout", 0, "T", COMMAND_MODEL, \
  "end a process that takes longer: TERM, 2 s, KILL") \
X(CORES, "benchmark.cores", NULL, STRING, 0, 0, NULL, NULL, NULL, "cores", 0, "LIST", COMMAND_MODEL, \
  "pin to these cores, e.g. 0-3 or 0,2; bench cores: how many, e.g. 1,2,4") \
X(THREADS, "benchmark.threads", NULL, U64, 1, 4096, NULL, NULL, NULL, "threads", 0, "N", COMMAND_MODEL | COMMAND_ANALYZE, \
  "threads of the engine; of a program by OpenMP, OpenBLAS, MKL, numexpr; analyze: that read a file") \
X(DEVICE, "device.name", NULL, STRING, 0, 0, NULL, NULL, NULL, "device", 'D', "NAME", COMMAND_MODEL | COMMAND_ANALYZE, \
  "where a model runs: cpu, cuda, dla, or an id of tacho devices (default: cpu)") \
X(PROVIDER, "inference.provider", NULL, STRING, 0, 0, NULL, NULL, NULL, "provider", 0, "NAME", COMMAND_MODEL, \
  "execution provider of the engine: cpu, cuda, tensorrt, xnnpack, openvino and others") \
X(PROVIDER_OPTION, "inference.provider_options", NULL, LIST, 0, 0, NULL, NULL, NULL, "provider-option", 0, "KEY=VALUE", COMMAND_MODEL, \
  "hand this to the provider; may be repeated") \
X(STRICT_PROVIDER, "inference.strict_provider", NULL, BOOL, 0, 0, NULL, "false", NULL, "strict-provider", 0, NULL, COMMAND_MODEL, \
  "refuse a model of which part would run on the CPU instead") \
X(PRECISION, "inference.precision", NULL, CHOICE, 0, 0, "fp32,fp16,bf16,int8,int4,mixed", NULL, NULL, "precision", 'P', "NAME", COMMAND_MODEL, \
  "the model's variant: NAME.fp16.onnx beside NAME.onnx") \
X(BATCH_SIZE, "inference.batch_size", NULL, U64, 1, 65536, NULL, NULL, NULL, "batch-size", 'b', "N", COMMAND_MODEL | COMMAND_MONITOR | COMMAND_ANALYZE, \
  "items per inference; monitor kv-cache: sequences at once") \
X(STREAMS, "inference.streams", NULL, U64, 1, 256, NULL, "1", NULL, "streams", 0, "N", COMMAND_MODEL, \
  "concurrent inferences in one session") \
X(INPUT_SHAPE, "inference.input_shape", NULL, LIST, 0, 0, NULL, NULL, NULL, "input-shape", 0, "NAME=1x3x640x640", COMMAND_MODEL, \
  "shape of an input; may be repeated") \
X(INPUT, "inference.input", NULL, LIST, 0, 0, NULL, "random", NULL, "input", 0, "random|zeros|FILE.npy", COMMAND_MODEL, \
  "what goes in; NAME=FILE.npy for one of several; may be repeated") \
X(RATE, "inference.rate", NULL, DOUBLE, 0.001, 1e6, NULL, NULL, NULL, "rate", 0, "R", COMMAND_MODEL, \
  "open loop: R inferences per second arrive, whatever was served") \
X(ARRIVAL, "inference.arrival", NULL, CHOICE, 0, 0, "constant,poisson", "constant", NULL, "arrival", 0, "NAME", COMMAND_MODEL, \
  "how they arrive: constant or poisson") \
X(SEED, "inference.seed", NULL, U64, 0, 1e15, NULL, "1", NULL, "seed", 0, "N", COMMAND_MODEL, \
  "for random inputs and arrivals") \
X(DEADLINE, "inference.deadline", NULL, DURATION, 0.000001, DAY_S, NULL, NULL, NULL, "deadline", 0, "T", COMMAND_MODEL | COMMAND_ANALYZE, \
  "count the inferences that take longer") \
X(GRAPH_OPTIMIZATION, "inference.graph_optimization", NULL, CHOICE, 0, 0, "none,basic,extended,all", "all", NULL, "graph-optimization", 0, "LEVEL", COMMAND_MODEL, \
  "what the engine may do to the graph") \
X(PROFILE_OPS, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "profile-ops", 0, NULL, COMMAND_MODEL, \
  "keep the engine's time per node") \
X(ENGINE, "inference.engine", NULL, CHOICE, 0, 0, "onnxruntime,trtexec", NULL, NULL, "engine", 0, "NAME", COMMAND_MODEL, \
  "onnxruntime, or trtexec for MODEL.engine") \
X(AUTO, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "auto", 0, NULL, COMMAND_RUN, \
  "measure every device, precision and batch size that works, and compare") \
X(MANUAL, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "manual", 0, NULL, COMMAND_RUN, \
  "measure one configuration (the default)") \
X(DEVICES, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "devices", 0, "LIST", COMMAND_RUN, \
  "with --auto: only these devices") \
X(PRECISIONS, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "precisions", 0, "LIST", COMMAND_RUN, \
  "with --auto: only these precisions") \
X(BATCH_SIZES, "benchmark.batch_sizes", NULL, LIST, 0, 0, NULL, NULL, NULL, "batch-sizes", 0, "LIST", COMMAND_MODEL, \
  "batch sizes of a sweep, e.g. 1,4,8") \
X(MAX_CONFIGS, NULL, NULL, U64, 1, 1000, NULL, "6", NULL, "max-configs-per-device", 0, "N", COMMAND_RUN, \
  "with --auto: at most so many configurations of one device") \
X(IMAGES, "benchmark.num_images", NULL, U64, 1, 1e9, NULL, NULL, NULL, "images", 0, "N", COMMAND_BENCH, \
  "batching: items per batch size, over all rounds") \
X(ROUNDS, NULL, NULL, U64, 1, 1000, NULL, "3", NULL, "rounds", 0, "N", COMMAND_BENCH, \
  "how often each configuration is measured, interleaved with the others") \
X(METRICS_CSV, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "metrics-csv", 0, "FILE.csv", COMMAND_RUN, \
  "write the columns of tacho monitor beside the run") \
X(PID, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "pid", 0, "N", COMMAND_MONITOR, \
  "watch this process; may be repeated") \
X(TRACK_PATTERN, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "track-pattern", 0, "REGEX", COMMAND_MONITOR, \
  "watch the process whose command line matches") \
X(WAIT, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "wait", 0, NULL, COMMAND_MONITOR, \
  "wait until one matches") \
X(CHILDREN, NULL, NULL, BOOL, 0, 0, NULL, "true", NULL, "children", 0, NULL, COMMAND_MONITOR, \
  "count what the watched processes started, too") \
X(COLUMNS, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "columns", 0, "+NAME,...", COMMAND_MONITOR, \
  "further columns of the CSV; help lists them") \
X(WORK_FILE, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "work-file", 0, "PATH", COMMAND_MONITOR, \
  "a file that the program writes: its size is the work done") \
X(WORK_LINES, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "work-lines", 0, NULL, COMMAND_MONITOR, \
  "the lines of --work-file are the work, not its size") \
X(INFERENCE_CHANNEL, "monitoring.inference_channel", NULL, STRING, 0, 0, NULL, NULL, NULL, "inference-channel", 0, "NAME", COMMAND_MONITOR, \
  "the span that is \"the inference\" of an instrumented program (default: inference)") \
X(FPS_CHANNEL, "monitoring.fps_channel", NULL, STRING, 0, 0, NULL, NULL, NULL, "fps-channel", 0, "NAME", COMMAND_MONITOR, \
  "what counts its frames (default: its frame counters together; hooks' if no others)") \
X(MEMORY_LIMIT, NULL, NULL, SIZE, 0, 0, NULL, NULL, NULL, "memory-limit", 0, "SIZE", COMMAND_MONITOR | COMMAND_ANALYZE, \
  "say when growing memory reaches this") \
X(MAX_LENGTH, NULL, NULL, U64, 1, 1e9, NULL, "2048", NULL, "max-length", 0, "N", COMMAND_MONITOR, \
  "kv-cache: tokens of the longest sequence") \
X(NUM_LAYERS, NULL, NULL, U64, 1, 1e5, NULL, "32", NULL, "num-layers", 0, "N", COMMAND_MONITOR, \
  "kv-cache: layers with attention") \
X(NUM_HEADS, NULL, NULL, U64, 1, 1e5, NULL, "32", NULL, "num-heads", 0, "N", COMMAND_MONITOR, \
  "kv-cache: attention heads of a layer") \
X(NUM_KV_HEADS, NULL, NULL, U64, 1, 1e5, NULL, NULL, NULL, "num-kv-heads", 0, "N", COMMAND_MONITOR, \
  "kv-cache: heads with keys and values of their own (default: all heads)") \
X(HEAD_SIZE, NULL, NULL, U64, 1, 1e6, NULL, "128", NULL, "head-size", 0, "N", COMMAND_MONITOR, \
  "kv-cache: values of one head") \
X(KV_PRECISION, NULL, NULL, CHOICE, 0, 0, "fp32,fp16,bf16,fp8,int8,int4,q8_0,q5_1,q5_0,q4_1,q4_0,iq4_nl", "fp16", NULL, "precision", 'P', "NAME", COMMAND_MONITOR, \
  "kv-cache: the format of keys and values") \
X(URL, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "url", 0, "URL", COMMAND_MONITOR, \
  "kv-cache: watch this vLLM or llama.cpp server, e.g. http://localhost:8000") \
X(URL_TIMEOUT, NULL, NULL, DURATION, 0.001, 3600, NULL, "5s", NULL, "timeout", 0, "T", COMMAND_MONITOR, \
  "kv-cache --url: how long one answer may take") \
X(WINDOW, NULL, NULL, U64, 2, 10000, NULL, "10", NULL, "window", 0, "N", COMMAND_MONITOR, \
  "gpu: rows whose mean a drop is measured from") \
X(THRESHOLD, NULL, NULL, DOUBLE, 0, 100, NULL, "20", NULL, "threshold", 0, "POINTS", COMMAND_MONITOR, \
  "gpu: a fall of utilisation by more than this is a finding") \
X(ONCE, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "once", 0, NULL, COMMAND_MONITOR, \
  "one sample, one interval long, and no run") \
X(STREAM, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "stream", 0, NULL, COMMAND_MONITOR, \
  "print every row as one line of JSON") \
X(NO_STORE, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "no-store", 0, NULL, COMMAND_MONITOR, \
  "the same as --no-store-run") \
X(IGNORE_FAILURE, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "ignore-failure", 0, NULL, COMMAND_MODEL, \
  "count failed launches and go on") \
X(SHOW_OUTPUT, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "show-output", 0, NULL, COMMAND_MODEL | COMMAND_MONITOR, \
  "pass the program's output on to stderr") \
X(NO_AUTO, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "no-auto", 0, NULL, COMMAND_RUN | COMMAND_MONITOR, \
  "leave a Python program's libraries alone: time none of their calls") \
X(METRIC, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "metric", 'm', "NAME=REGEX", COMMAND_RUN, \
  "take a metric from the program's output; may be repeated") \
X(LIMIT, "limits", NULL, LIST, 0, 0, NULL, NULL, NULL, "limit", 'l', "EXPR", COMMAND_RUN | COMMAND_MONITOR, \
  "judge: 'p99(wall_ms)<=250'; may be repeated") \
X(PROFILE, "profile", NULL, STRING, 0, 0, NULL, NULL, "TACHO_PROFILE", "profile", 'p', "NAME", COMMAND_RUN | COMMAND_MONITOR, \
  "limits and counts from a profile: a name of tacho profiles, or FILE.yaml") \
X(WAIVE, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "waive", 0, "NAME,...", COMMAND_RUN | COMMAND_MONITOR, \
  "set these limits aside; the verdict says so") \
X(VALIDATE_ONLY, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "validate-only", 0, NULL, COMMAND_RUN, \
  "check settings, profile and limits; measure nothing") \
X(LABEL, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "label", 0, "TEXT", COMMAND_MODEL | COMMAND_MONITOR, \
  "a name for the run") \
X(ANALYZE_CSV, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "csv", 0, "FILE", COMMAND_ANALYZE, \
  "a table to read, - for stdin; the same as FILE without --csv") \
X(ANALYZE_LOG, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "log", 0, "FILE", COMMAND_ANALYZE, \
  "a log to read; the same as FILE without --log") \
X(ANALYZE_PROFILER, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "profiler", 0, "FILE", COMMAND_ANALYZE, \
  "dnn-pipeline: what a profiler wrote; the same as FILE without --profiler") \
X(ANALYZE_METRICS, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "metrics", 0, "FILE.csv", COMMAND_ANALYZE, \
  "events: what tacho monitor wrote in the same time, to see whether latency rises with load") \
X(ANALYZE_COLUMN, "variability.latency_column", NULL, STRING, 0, 0, NULL, NULL, NULL, "column", 0, "NAME", COMMAND_ANALYZE, \
  "latency, variability, memory: the column to look at (default: by its name)") \
X(ANALYZE_GROUP_BY, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "group-by", 0, "NAME,...", COMMAND_ANALYZE, \
  "columns that tell groups apart (default: run_label,workload,batch_size as far as they are there)") \
X(ANALYZE_PATTERN, NULL, NULL, LIST, 0, 0, NULL, NULL, NULL, "pattern", 0, "REGEX", COMMAND_ANALYZE, \
  "logs: a number to look for, e.g. 'took (?<step_ms>[0-9.]+)'; may be repeated") \
X(LATENCY_THRESHOLD, "analysis.latency_threshold_ms", NULL, DOUBLE, 0, 1e9, NULL, "50", NULL, "threshold", 0, "MS", COMMAND_ANALYZE, \
  "logs: a latency above this is a spike") \
X(THROTTLE_THRESHOLD, "tegrastats.throttle_temp_threshold", NULL, DOUBLE, 0, 200, NULL, "85", NULL, "throttle-threshold", 0, "C", COMMAND_ANALYZE, \
  "tegrastats: from here on a zone is hot") \
X(COST_RATE, "efficiency.rate", NULL, STRING, 0, 0, NULL, "0.15", NULL, "rate", 0, "PRICE|NAME", COMMAND_ANALYZE, \
  "efficiency: price of a kWh, or cloud_estimate, us_average, us_california, us_texas, eu_average, eu_germany, asia_average") \
X(TDP, "efficiency.tdp", NULL, STRING, 0, 0, NULL, NULL, NULL, "tdp", 0, "WATT|NAME", COMMAND_ANALYZE, \
  "efficiency: what the device may draw, in W, or a device: a100, h100_sxm, t4 and others") \
X(TOP_LAYERS, "dnn_pipeline.top_n_layers", NULL, U64, 1, 100000, NULL, "5", NULL, "top-layers", 0, "N", COMMAND_ANALYZE, \
  "dnn-pipeline: so many of the slowest layers") \
X(PERCENTILE_METHOD, "analysis.percentile_method", NULL, CHOICE, 0, 0, "linear,hazen,weibull,median_unbiased,lower,higher,nearest", "linear", NULL, "percentile-method", 0, "NAME", COMMAND_ANALYZE, \
  "latency, variability: how percentiles lie between values, as numpy names them") \
X(EXACT, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "exact", 0, NULL, COMMAND_ANALYZE, \
  "exact percentiles of any number of values, whatever the memory") \
X(COLLECTOR, "monitoring.collectors", NULL, LIST, 0, 0, NULL, NULL, "TACHO_COLLECTOR", "collector", 'c', "NAME", COMMAND_MODEL | COMMAND_MONITOR, \
  "sample only these collectors; may be repeated") \
X(INTERVAL, "monitoring.interval", "monitoring.sample_interval_ms:ms benchmark.sample_interval monitoring.interval_seconds", DURATION, 0.001, DAY_S, NULL, "100ms", NULL, "interval", 'i', "T", COMMAND_MODEL | COMMAND_MONITOR, \
  "time between two samples of the sensors; monitor: between two rows, 1 s, to a file 5 s") \
X(GPU_METRICS, "monitoring.enable_gpu_metrics", "monitoring.enable_gpu_monitoring", BOOL, 0, 0, NULL, "true", NULL, NULL, 0, NULL, 0, \
  "sample GPUs") \
X(POWER_METRICS, "monitoring.enable_power_metrics", NULL, BOOL, 0, 0, NULL, "true", NULL, "power", 0, NULL, COMMAND_MODEL, \
  "sample power sensors") \
X(EXPORT, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "export", 'e', "FILE.json", COMMAND_MODEL, \
  "write the run as JSON") \
X(EXPORT_CSV, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "export-csv", 0, "FILE.csv", COMMAND_MODEL, \
  "write the measured units as CSV") \
X(FORMAT, "output.format", NULL, CHOICE, 0, 0, "text,json,markdown,csv", "text", NULL, "format", 'f', "NAME", COMMAND_MODEL | COMMAND_RUNS | COMMAND_ANALYZE, \
  "text, json, markdown, or csv (of runs, not of analyses)") \
X(STORE_RUN, NULL, NULL, BOOL, 0, 0, NULL, "true", NULL, "store-run", 0, NULL, COMMAND_MODEL | COMMAND_MONITOR, \
  "keep the run in the store (--no-store-run: leave it out)") \
X(CONFIG_VALUES, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "config-values", 0, NULL, COMMAND_DOCTOR, \
  "list every setting with its value and where it came from") \
X(LIST, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "list", 0, NULL, COMMAND_PROFILES | COMMAND_DEVICES, \
  "every one of them; what is done without a name, too") \
X(INFO, NULL, NULL, STRING, 0, 0, NULL, NULL, NULL, "info", 0, "NAME", COMMAND_PROFILES, \
  "all of this profile; --info may be left out") \
X(ALL, NULL, NULL, BOOL, 0, 0, NULL, "false", NULL, "all", 'a', NULL, COMMAND_RUNS | COMMAND_MONITOR, \
  "list: every run, not only the newest 20; rm: every run; monitor: every process that matches") \
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
  "the ONNX Runtime library: libonnxruntime.so or its folder") \
X(SHM_DIR, NULL, NULL, STRING, 0, 0, NULL, NULL, "TACHO_SHM_DIR", NULL, 0, "DIR", 0, \
  "where instrumented programs put their segments (default: /dev/shm)") \
X(DISABLE, NULL, NULL, BOOL, 0, 0, NULL, "false", "TACHO_DISABLE", NULL, 0, NULL, 0, \
  "instrumented programs record nothing (nothing uses it yet)") \
X(DEVICE_TYPE, "device.type", NULL, CHOICE, 0, 0, "cpu,cuda,dla,npu", NULL, NULL, NULL, 0, NULL, 0, \
  "kind of device for models (nothing uses it yet)") \
X(DEVICE_ID, "device.id", NULL, U64, 0, 1024, NULL, NULL, NULL, NULL, 0, NULL, 0, \
  "which of them (nothing uses it yet)") \
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
