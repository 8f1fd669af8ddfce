/* lines.c: a log of N lines for script/bench, as inference services write them.
 *
 *   lines N [text|json|pairs|mixed] > FILE
 *
 * text: time, level, module and a sentence with one to three numbers; json: one object a line;
 * pairs: key=value; mixed: many kinds of line, with words, paths and identifiers that never come
 * again. Every third line tells a latency. The same bytes on every machine: xorshift64*, no libm.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static double uniform(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (double)(state * 0x2545F4914F6CDD1Du >> 11) / 9007199254740992.0;
}

static unsigned below(unsigned count)
{
    return (unsigned)(uniform() * count);
}

struct line {
    long number;
    unsigned ms; /* since the first one */
    double latency_ms, fps;
    unsigned queue, worker;
};

static const char *const words[] = {
    "model",  "frame", "decoder", "stream", "tensor", "engine",  "buffer", "camera", "batch",
    "worker", "cache", "session", "client", "socket", "loaded",  "opened", "closed", "reused",
    "ready",  "flush", "request", "render", "resize", "publish", "index",  "commit", "config",
};
static const char *const modules[] = {"pipeline", "detector", "tracker", "encoder", "server"};

/* What a program has to say, as it stands in its source. */
static const char *const sentences[] = {
    "batch is ready",         "stream was opened",     "buffer pool reused",
    "session is closed",      "frame was published",   "model loaded from the cache",
    "index committed",        "client has joined",     "engine waits for a batch",
    "configuration was read", "tensor copied to host", "decoder was flushed",
    "request was accepted",   "request was answered",  "camera has a new exposure",
    "resize plan was chosen",
};

static const char *sentence(void)
{
    return sentences[below(sizeof(sentences) / sizeof(*sentences))];
}

static const char *word(void)
{
    return words[below(sizeof(words) / sizeof(*words))];
}

static const char *module(void)
{
    return modules[below(sizeof(modules) / sizeof(*modules))];
}

static void clock_of(const struct line *line, char separator)
{
    unsigned s = 8 * 3600 + line->ms / 1000;
    printf("2026-11-%02u%c%02u:%02u:%02u.%03u", 20 + s / 86400, separator, s / 3600 % 24,
           s / 60 % 60, s % 60, line->ms % 1000);
}

static void text(const struct line *line)
{
    clock_of(line, ' ');
    switch (line->number % 6) {
    case 0:
    case 3:
        printf(" INFO  [pipeline] frame %ld done: inference latency: %.2f ms, queue size: %u\n",
               line->number, line->latency_ms, line->queue);
        break;
    case 1:
        printf(" DEBUG [%s] worker %u waits for the next batch of the stream\n", module(),
               line->worker);
        break;
    case 2:
        printf(" INFO  [server] 200 POST /v1/detect in worker %u, fps: %.1f\n", line->worker,
               line->fps);
        break;
    case 4:
        printf(" INFO  [%s] %s\n", module(), sentence());
        break;
    default:
        if (below(50) == 0)
            printf(" WARN  [camera] frame %ld dropped after %u retries\n", line->number, below(9));
        else
            printf(" DEBUG [tracker] tracks=%u lost=%u age=%.1f\n", below(40), below(4), line->fps);
    }
}

static void json(const struct line *line)
{
    printf("{\"time\":\"");
    clock_of(line, 'T');
    if (line->number % 3 == 0)
        printf(
            "Z\",\"level\":\"info\",\"logger\":\"pipeline\",\"msg\":\"frame done\",\"frame\":%ld,"
            "\"inference_ms\":%.2f,\"queue\":%u}\n",
            line->number, line->latency_ms, line->queue);
    else
        printf("Z\",\"level\":\"debug\",\"logger\":\"%s\",\"msg\":\"%s\",\"worker\":%u,"
               "\"stats\":{\"fps\":%.1f,\"used_mb\":%u}}\n",
               module(), sentence(), line->worker, line->fps, 400 + below(900));
}

static void pairs(const struct line *line)
{
    printf("time=");
    clock_of(line, 'T');
    if (line->number % 3 == 0)
        printf("Z level=info msg=\"frame done\" frame=%ld inference=%.2fms queue=%u\n",
               line->number, line->latency_ms, line->queue);
    else
        printf("Z level=debug msg=\"%s\" logger=%s worker=%u fps=%.1f used_mb=%u\n", sentence(),
               module(), line->worker, line->fps, 400 + below(900));
}

static void mixed(const struct line *line)
{
    clock_of(line, ' ');
    if (line->number % 3 == 0) {
        printf(" INFO  [%s] request %08x%08x of 10.0.%u.%u took %.2f ms\n", module(),
               below(1u << 31), below(1u << 31), below(256), below(256), line->latency_ms);
        return;
    }
    printf(" INFO  [%s]", module());
    for (unsigned i = 2 + below(8); i > 0; i--) {
        switch (below(8)) {
        case 0:
            printf(" /var/lib/%s/%s.%u", word(), word(), below(1000));
            break;
        case 1:
            printf(" %s=%u", word(), below(100000));
            break;
        case 2:
            printf(" (%x)", below(1u << 24));
            break;
        default:
            printf(" %s", word());
        }
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(const struct line *line);
    } kinds[] = {{"text", text}, {"json", json}, {"pairs", pairs}, {"mixed", mixed}};
    long lines = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    struct line line = {.ms = 0};
    size_t kind = 0;
    while (kind < sizeof(kinds) / sizeof(*kinds) &&
           strcmp(argc > 2 ? argv[2] : "text", kinds[kind].name) != 0)
        kind++;
    if (kind == sizeof(kinds) / sizeof(*kinds))
        return 2;
    for (line.number = 0; line.number < lines; line.number++) {
        double tail = uniform();
        line.ms += below(12);
        line.latency_ms = 8 + 6 * uniform() * uniform() + 0.05 / (1.0005 - tail);
        line.fps = 24 + 8 * uniform();
        line.queue = below(64);
        line.worker = below(16);
        kinds[kind].write(&line);
    }
    return fflush(stdout) != 0 || ferror(stdout);
}
