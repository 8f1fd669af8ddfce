/* http.h: the one HTTP client: asks servers of the user's choice.
 *
 * What: net_http_open loads the module `net` (tacho_net.so, with libcurl) on first use, so that the
 *       program itself links none of it; a client keeps its connection between requests.
 * Rules: only http and https; certificates are checked; a redirect is followed within the same host
 *        and port (and from http to https there), at most three times, anywhere else it is an error
 *        that names the place, so that nobody is asked whom the user did not name. Proxies as curl
 *        has them (http_proxy, no_proxy), but never for this machine itself. A name and password in
 *        the address are used and never shown.
 * Limits: the whole request has timeout_ns, its answer at most body_max bytes (unpacked).
 * Threads: one for each client; the first net_http_open before threads that also use it.
 * Errors: -ERROR_ABSENT: the module or libcurl is missing (hint: the package), or nobody answers
 *         there; -ERROR_USAGE: no such address; -ERROR_IO: it broke off, took too long, or sent too
 *         much; -ERROR_UNSUPPORTED: a redirect elsewhere; -ERROR_INTERRUPTED. An answer with any
 *         status is no error here.
 */
#ifndef TACHO_NET_HTTP_H
#define TACHO_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct net_http;

struct net_http_request {
    const char *url;
    const char *const *headers; /* "Accept: text/plain"; NULL-terminated; NULL: none */
    uint64_t timeout_ns;
    size_t body_max;
    bool (*is_cancelled)(void); /* asked about once a second at least; NULL: never */
};

struct net_http_response {
    int status;
    struct strbuf body;
    char content_type[96];
    char url[256]; /* asked in the end, without name and password; printable */
};

int net_http_open(struct net_http **ret_http, struct error *err);
int net_http_get(struct net_http *http, const struct net_http_request *request,
                 struct net_http_response *ret_response, struct error *err);
void net_http_close(struct net_http *http); /* accepts NULL */
/* Accepts a zeroed one. */
void net_http_response_deinit(struct net_http_response *response);
/* Whether the module can be loaded; for doctor. ret_path (NULL: not asked): where from;
 * ret_library: "libcurl/7.88.1 OpenSSL/3.0.15". */
int net_http_probe(char *ret_path, size_t path_size, char *ret_library, size_t library_size,
                   struct error *err);

#endif
