/* http_curl.c: the module tacho_net.so: http.h by libcurl. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "net/http_module.h"

#define REDIRECTS_MAX 3
#define CONNECT_MS_MAX 5000

struct net_http {
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
};

/* One request on its way. */
struct exchange {
    struct net_http *http;
    const struct net_http_request *request;
    struct strbuf body;
    bool is_too_much;
    uint64_t end_ns; /* CLOCK_MONOTONIC */
};

static void curl_url_free(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void curl_text_free(char **text)
{
    curl_free(*text);
}

static void curl_list_free(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

/* ---- addresses ---- */

static int parse_url(const char *text, CURLU **ret_url, struct error *err)
{
    CLEANUP(curl_url_free) CURLU *url = curl_url();
    CLEANUP(curl_text_free) char *scheme = NULL;
    CLEANUP(curl_text_free) char *host = NULL;
    if (!url)
        return error_set(err, ERROR_NOMEM, "out of memory for an address");
    /* "localhost:8000" and a bare path have no scheme; guessing one would guess a protocol. */
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK || !host[0]) {
        char shown[128];
        snprintf(shown, sizeof(shown), "%.100s", strchr(text, '@') ? "the address" : text);
        str_make_printable(shown);
        error_set(err, ERROR_USAGE, "'%s' is no address of an HTTP server", shown);
        return error_hint(err, "for example http://localhost:8000/metrics");
    }
    *ret_url = url;
    url = NULL;
    return 0;
}

/* As it may be shown: without name, password and what steers a terminal. */
static void show_url(CURLU *url, char *buf, size_t size)
{
    CLEANUP(curl_url_free) CURLU *copy = curl_url_dup(url);
    CLEANUP(curl_text_free) char *text = NULL;
    if (copy && curl_url_set(copy, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
        curl_url_set(copy, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK)
        curl_url_get(copy, CURLUPART_URL, &text, 0);
    str_copy(buf, size, text ? text : "the server");
    str_make_printable(buf);
}

static bool is_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    CLEANUP(curl_text_free) char *text_a = NULL;
    CLEANUP(curl_text_free) char *text_b = NULL;
    curl_url_get(a, part, &text_a, CURLU_DEFAULT_PORT);
    curl_url_get(b, part, &text_b, CURLU_DEFAULT_PORT);
    return text_a && text_b && strcasecmp(text_a, text_b) == 0;
}

static bool has_scheme(CURLU *url, const char *scheme)
{
    CLEANUP(curl_text_free) char *text = NULL;
    return curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK && strcmp(text, scheme) == 0;
}

static bool has_default_port(CURLU *url)
{
    CLEANUP(curl_text_free) char *port = NULL;
    return curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_NO_PORT;
}

/* The same host and port; or from http to https on it, each on its usual port. */
static bool may_follow(CURLU *from, CURLU *to)
{
    if (!is_same_part(from, to, CURLUPART_HOST))
        return false;
    if (is_same_part(from, to, CURLUPART_SCHEME))
        return is_same_part(from, to, CURLUPART_PORT);
    return has_scheme(from, "http") && has_scheme(to, "https") && has_default_port(from) &&
           has_default_port(to);
}

/* ---- what curl calls ---- */

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;
    if (length > exchange->request->body_max - exchange->body.len) {
        exchange->is_too_much = true;
        return 0;
    }
    strbuf_append_n(&exchange->body, data, length);
    return exchange->body.failed ? 0 : length;
}

static int is_to_stop(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                      curl_off_t up)
{
    const struct exchange *exchange = context;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return exchange->request->is_cancelled && exchange->request->is_cancelled();
}

/* ---- one request ---- */

static int add_headers(const struct net_http_request *request, struct curl_slist **list)
{
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        struct curl_slist *longer = curl_slist_append(*list, request->headers[i]);
        if (!longer)
            return -1;
        *list = longer;
    }
    return 0;
}

/* CURLOPT_NOPROXY replaces the variable, so that must be in it. */
static CURLcode set_no_proxy(CURL *curl)
{
    char list[2048];
    const char *given = getenv("no_proxy");
    if (!given || !*given)
        given = getenv("NO_PROXY");
    bool has_given = given && *given && strcmp(given, "*") != 0;
    if (given && strcmp(given, "*") == 0)
        return curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    int length = snprintf(list, sizeof(list), "localhost,127.0.0.1,::1%s%s", has_given ? "," : "",
                          has_given ? given : "");
    /* One too long for this counts as it is. */
    bool fits = length > 0 && (size_t)length < sizeof(list);
    return fits ? curl_easy_setopt(curl, CURLOPT_NOPROXY, list) : CURLE_OK;
}

static CURLcode set_protocols(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static CURLcode prepare(struct exchange *exchange, CURLU *url, struct curl_slist *headers,
                        long timeout_ms)
{
    CURL *curl = exchange->http->curl;
    const struct net_http *http = exchange->http;
    curl_easy_reset(curl); /* keeps the connection */
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_CURLU, url);
#define SET(option, value) (rc = rc == CURLE_OK ? curl_easy_setopt(curl, option, value) : rc)
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, "tacho/" TACHO_VERSION);
    SET(CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS_MAX ? timeout_ms : CONNECT_MS_MAX);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_XFERINFOFUNCTION, is_to_stop);
    SET(CURLOPT_XFERINFODATA, exchange);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_ERRORBUFFER, http->curl_error);
#undef SET
    if (rc == CURLE_OK)
        rc = set_protocols(curl);
    return rc == CURLE_OK ? set_no_proxy(curl) : rc;
}

static int explain(const struct exchange *exchange, CURLcode code, const char *shown,
                   struct error *err)
{
    const char *why =
        exchange->http->curl_error[0] ? exchange->http->curl_error : curl_easy_strerror(code);
    char text[200];
    str_copy(text, sizeof(text), why);
    str_make_printable(text);
    if (exchange->body.failed || code == CURLE_OUT_OF_MEMORY)
        return error_set(err, ERROR_NOMEM, "out of memory for the answer of %s", shown);
    if (exchange->is_too_much)
        return error_set(err, ERROR_IO, "%s sends more than %zu bytes", shown,
                         exchange->request->body_max);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return error_set(err, ERROR_INTERRUPTED, "interrupted while asking %s", shown);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        error_set(err, ERROR_ABSENT, "cannot reach %s: %s", shown, text);
        return error_hint(err, "is the server running, and is that its address and port?");
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(err, ERROR_IO, "%s did not answer within %.3g s", shown,
                         (double)exchange->request->timeout_ns / (double)NS_PER_S);
    default:
        return error_set(err, ERROR_IO, "%s: %s", shown, text);
    }
}

static long left_ms(const struct exchange *exchange)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t left_ns = exchange->end_ns > now_ns ? exchange->end_ns - now_ns : 0;
    /* 0 would mean: no limit */
    return (long)u64_max(1, u64_min(left_ns / NS_PER_MS, 86400000));
}

/* One request to url. *ret_next: where a redirect leads, or NULL. */
static int ask(struct exchange *exchange, CURLU *url, struct net_http_response *response,
               CURLU **ret_next, struct error *err)
{
    CLEANUP(curl_list_free) struct curl_slist *headers = NULL;
    CURL *curl = exchange->http->curl;
    long status = 0;
    char *type = NULL, *next = NULL;
    show_url(url, response->url, sizeof(response->url));
    if (add_headers(exchange->request, &headers) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for a request");
    exchange->http->curl_error[0] = '\0';
    strbuf_clear(&exchange->body);
    CURLcode rc = prepare(exchange, url, headers, left_ms(exchange));
    if (rc == CURLE_OK)
        rc = curl_easy_perform(curl);
    if (rc != CURLE_OK)
        return explain(exchange, rc, response->url, err);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
    response->status = (int)status;
    str_copy(response->content_type, sizeof(response->content_type), type ? type : "");
    str_make_printable(response->content_type);
    *ret_next = NULL;
    if (!next)
        return 0;
    if (parse_url(next, ret_next, NULL) == 0 && may_follow(url, *ret_next))
        return 0;
    char shown[256] = "an address that is none";
    if (*ret_next)
        show_url(*ret_next, shown, sizeof(shown));
    curl_url_cleanup(*ret_next);
    *ret_next = NULL;
    error_set(err, ERROR_UNSUPPORTED, "%.120s redirects to another server: %.160s", response->url,
              shown);
    return error_hint(err, "give that address if it is the one you mean");
}

static int follow(struct exchange *exchange, struct net_http_response *response, struct error *err)
{
    CLEANUP(curl_url_free) CURLU *url = NULL;
    int rc = parse_url(exchange->request->url, &url, err);
    for (int hops = 0; rc == 0; hops++) {
        CURLU *next = NULL;
        rc = ask(exchange, url, response, &next, err);
        if (rc < 0 || !next)
            break;
        curl_url_cleanup(url);
        url = next;
        if (hops == REDIRECTS_MAX)
            rc = error_set(err, ERROR_IO, "%s: more than %d redirects", response->url,
                           REDIRECTS_MAX);
    }
    return rc;
}

static int http_get(struct net_http *http, const struct net_http_request *request,
                    struct net_http_response *ret_response, struct error *err)
{
    struct exchange exchange = {
        .http = http, .request = request, .end_ns = clock_mono_ns() + request->timeout_ns};
    struct net_http_response response = {0};
    int rc = follow(&exchange, &response, err);
    if (rc < 0) {
        strbuf_deinit(&exchange.body);
        return rc;
    }
    response.body = exchange.body;
    *ret_response = response;
    return 0;
}

/* ---- opening ---- */

static void http_close(struct net_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    free(http);
}

static int http_open(struct net_http **ret_http, struct error *err)
{
    static bool is_set_up;
    if (!is_set_up && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl cannot be set up");
    is_set_up = true;
    struct net_http *http = calloc(1, sizeof(*http));
    if (http)
        http->curl = curl_easy_init();
    if (!http || !http->curl) {
        http_close(http);
        return error_set(err, ERROR_NOMEM, "out of memory for an HTTP client");
    }
    *ret_http = http;
    return 0;
}

static const char *library(void)
{
    return curl_version();
}

extern const struct net_module tacho_net; /* found by its name, NET_SYMBOL */
const struct net_module tacho_net = {
    .head = {.version = 1, .size = sizeof(struct net_module)},
    .http_open = http_open,
    .http_get = http_get,
    .http_close = http_close,
    .library = library,
};
