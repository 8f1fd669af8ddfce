/* http.c: the program's side of http.h: loads the module and passes on. */
#include "net/http.h"

#include <string.h>

#include "base/dl.h"
#include "net/http_module.h"

/* Once for the process: libcurl sets itself up once. */
static const struct net_module *module;
static char module_path[512];

static int load(struct error *err)
{
    void *handle = NULL;
    const struct module_head *head = NULL;
    if (module)
        return 0;
    int rc = module_open(NET_MODULE, NET_SYMBOL, NET_HEAD, &handle, &head, module_path,
                         sizeof(module_path), err);
    if (rc == -ERROR_ABSENT)
        error_hint(err, "it needs libcurl: apt-get install libcurl4; to build it, "
                        "libcurl4-openssl-dev and script/build");
    if (rc == 0)
        module = (const struct net_module *)head;
    return rc;
}

int net_http_open(struct net_http **ret_http, struct error *err)
{
    int rc = load(err);
    return rc < 0 ? rc : module->http_open(ret_http, err);
}

int net_http_get(struct net_http *http, const struct net_http_request *request,
                 struct net_http_response *ret_response, struct error *err)
{
    return module->http_get(http, request, ret_response, err);
}

void net_http_close(struct net_http *http)
{
    if (http)
        module->http_close(http);
}

void net_http_response_deinit(struct net_http_response *response)
{
    strbuf_deinit(&response->body);
    *response = (struct net_http_response){0};
}

int net_http_probe(char *ret_path, size_t path_size, char *ret_library, size_t library_size,
                   struct error *err)
{
    int rc = load(err);
    if (rc < 0)
        return rc;
    if (ret_path)
        str_copy(ret_path, path_size, module_path);
    str_copy(ret_library, library_size, module->library());
    return 0;
}
