/* sweep_result.h: what the runs of several configurations come to beside each other: figures,
 * best ones, knee, Pareto front, scaling, findings.
 *
 * Units: those of the metrics (ms, 1/s, MB, J); ratios are plain numbers.
 * Figures: over the steady phase. Scaling rests on the launches of a command, and of a model on one
 *         median per process: inferences of one process are not independent of each other.
 * Memory: the caller owns the rows and what they point to; sweep_result_deinit frees the rest.
 * Threads: any. Errors: -ERROR_NOMEM.
 */
#ifndef TACHO_ANALYZE_SWEEP_RESULT_H
#define TACHO_ANALYZE_SWEEP_RESULT_H

#include "model/summary.h"
#include "stats/sweep.h"

#define SWEEP_FINDINGS_MAX 96
#define SWEEP_NOTES_MAX 24
#define SWEEP_NONE SIZE_MAX

enum sweep_kind { SWEEP_BATCHING, SWEEP_CORES, SWEEP_CONFIGURATIONS };

struct sweep_figure {
    double value; /* NaN: cannot be had, and why */
    bool has_interval;
    double lo, hi; /* 95 % */
    const char *unit;
    char why[160];
};

struct sweep_row {
    /* From the caller: */
    char name[96];         /* "batch 4", "2 cores", "cpu_0 fp32 batch 4" */
    double x;              /* batch size or number of cores; NaN: neither */
    uint64_t threads;      /* that it was told to use; 0: not said */
    const struct run *run; /* NULL: none */
    struct error error;    /* why it has no run, or no whole one; code 0: it has */
    /* Filled in: */
    bool is_measured;           /* there are steady values */
    const char *latency_metric; /* "wall_ms", "latency_ms" */
    struct summary latency;     /* of the series that times one unit */
    double batch_size;          /* items per unit */
    struct sweep_figure latency_p50, latency_p99, per_item, throughput, memory, energy;
    struct sweep_figure speedup, efficiency; /* CORES */
    double cv, tail;                         /* std over mean; p99 over p50 */
    bool is_on_front;
    double *times; /* what scaling rests on */
    size_t time_count;
};

struct sweep_best {
    size_t row;     /* SWEEP_NONE: none */
    bool *is_equal; /* of each row: its interval overlaps */
};

struct sweep_result {
    enum sweep_kind kind;
    struct sweep_row *rows;
    size_t count;
    uint64_t rounds;
    bool is_interrupted;
    char notes[SWEEP_NOTES_MAX][256]; /* what was left out, and why: become findings */
    size_t note_count;
    /* Filled in: */
    size_t measured;
    struct sweep_best latency, throughput, energy;
    size_t knee;   /* BATCHING: index of a row; SWEEP_NONE: none */
    size_t base;   /* CORES: the row that speed-up refers to */
    size_t enough; /* CORES: the fewest cores within 5 % of the fastest */
    bool has_fit;  /* CORES */
    struct amdahl fit;
    struct finding *findings;
    size_t finding_count;
    struct verdict verdict; /* over the limits of all runs */
};

/* Rows of BATCHING and CORES ascending by x. */
int sweep_result_make(struct sweep_result *result, struct error *err);
void sweep_result_deinit(struct sweep_result *result);

/* sweep_findings.c */
void sweep_result_find(struct sweep_result *result);

#endif
