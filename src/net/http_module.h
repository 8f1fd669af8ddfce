/* http_module.h: what tacho_net.so exports; http.h is how to use it.
 *
 * The struct is private to src/net: the module and the program are of the same version.
 */
#ifndef TACHO_NET_HTTP_MODULE_H
#define TACHO_NET_HTTP_MODULE_H

#include "base/module.h"
#include "net/http.h"

#define NET_MODULE "net"
#define NET_SYMBOL "tacho_net"

struct net_module {
    struct module_head head;
    int (*http_open)(struct net_http **ret_http, struct error *err);
    int (*http_get)(struct net_http *http, const struct net_http_request *request,
                    struct net_http_response *ret_response, struct error *err);
    void (*http_close)(struct net_http *http);
    const char *(*library)(void);
};

#define NET_HEAD ((struct module_head){.version = 1, .size = sizeof(struct net_module)})

#endif
