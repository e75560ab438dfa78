/* Logins through libldap, as a server in C would do them that keeps its connections: one thread for each caller, and for
 * each thread one connection that is bound as the service account and searches, and one for the binds of users. All of
 * them are opened before the first round.
 *
 * usage: libldap URL START_TLS CA_FILE BASE SERVICE_DN CALLERS USERS ATTRIBUTE[,ATTRIBUTE]...
 *
 * Standard input: the service account's password; what stands before the login in every user's password; then commands,
 * a line each. `round MILLISECONDS` is answered by `LOGINS FAILED ELAPSED_NS CPU_NS P50_NS P99_NS`. */
#define _GNU_SOURCE
#include <ldap.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct caller {
    pthread_t thread;
    LDAP *searches, *binds;
    uint64_t random;
    uint64_t *latencies;
    size_t logins, room;
};

static const char *url, *base, *service_dn;
static char *attributes[64];
static int start_tls;
static long users;
static char service_password[1024], password_prefix[1024];
static pthread_barrier_t begin, end;
static uint64_t deadline;

static void fail(const char *what, int code) {
    fprintf(stderr, "libldap: %s: %s\n", what, ldap_err2string(code));
    exit(1);
}

static void out_of_memory(void) {
    fprintf(stderr, "libldap: out of memory\n");
    exit(1);
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static LDAP *dial(void) {
    LDAP *ld;
    int code = ldap_initialize(&ld, url);
    if (code != LDAP_SUCCESS)
        fail("ldap_initialize", code);
    int version = LDAP_VERSION3;
    ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    if (start_tls && (code = ldap_start_tls_s(ld, NULL, NULL)) != LDAP_SUCCESS)
        fail("StartTLS", code);
    return ld;
}

static void bind_as(LDAP *ld, const char *dn, char *password, LDAPControl **controls) {
    struct berval credentials = {.bv_len = strlen(password), .bv_val = password};
    int code = ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &credentials, controls, NULL, NULL);
    if (code != LDAP_SUCCESS)
        fail(dn, code);
}

/* With a request for what the password policy says of the user, as the plugin makes it. */
static void bind_user(LDAP *ld, const char *dn, char *password) {
    LDAPControl policy = {.ldctl_oid = LDAP_CONTROL_PASSWORDPOLICYREQUEST}, *controls[] = {&policy, NULL};
    bind_as(ld, dn, password, controls);
}

static uint64_t random_number(struct caller *caller) {
    caller->random ^= caller->random << 13;
    caller->random ^= caller->random >> 7;
    caller->random ^= caller->random << 17;
    return caller->random;
}

static void log_in(struct caller *caller) {
    char login[32], filter[64], password[1100];
    snprintf(login, sizeof login, "user%05ld", (long)(random_number(caller) % (uint64_t)users) + 1);
    snprintf(filter, sizeof filter, "(uid=%s)", login);
    snprintf(password, sizeof password, "%s%s", password_prefix, login);
    LDAPMessage *found;
    int code = ldap_search_ext_s(caller->searches, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, NULL, 2,
                                 &found);
    if (code != LDAP_SUCCESS)
        fail(filter, code);
    if (ldap_count_entries(caller->searches, found) != 1)
        fail(filter, LDAP_NO_SUCH_OBJECT);
    char *dn = ldap_get_dn(caller->searches, ldap_first_entry(caller->searches, found));
    bind_user(caller->binds, dn, password);
    ldap_memfree(dn);
    ldap_msgfree(found);
}

static void keep(struct caller *caller, uint64_t latency) {
    if (caller->logins == caller->room) {
        caller->room = caller->room ? 2 * caller->room : 4096;
        caller->latencies = realloc(caller->latencies, caller->room * sizeof *caller->latencies);
        if (!caller->latencies)
            out_of_memory();
    }
    caller->latencies[caller->logins++] = latency;
}

static void *call(void *argument) {
    struct caller *caller = argument;
    for (;;) {
        pthread_barrier_wait(&begin);
        uint64_t before = nanoseconds(CLOCK_MONOTONIC);
        while (before < deadline) {
            log_in(caller);
            uint64_t after = nanoseconds(CLOCK_MONOTONIC);
            keep(caller, after - before);
            before = after;
        }
        pthread_barrier_wait(&end);
    }
    return NULL;
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void play_round(struct caller *callers, int count, long milliseconds) {
    for (int index = 0; index < count; index++)
        callers[index].logins = 0;
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), start = nanoseconds(CLOCK_MONOTONIC);
    deadline = start + (uint64_t)milliseconds * 1000000u;
    pthread_barrier_wait(&begin);
    pthread_barrier_wait(&end);
    uint64_t elapsed = nanoseconds(CLOCK_MONOTONIC) - start;
    cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    size_t logins = 0, copied = 0;
    for (int index = 0; index < count; index++)
        logins += callers[index].logins;
    uint64_t *latencies = calloc(logins + 1, sizeof *latencies);
    if (!latencies)
        out_of_memory();
    for (int index = 0; index < count; index++) {
        if (callers[index].logins)
            memcpy(latencies + copied, callers[index].latencies, callers[index].logins * sizeof *latencies);
        copied += callers[index].logins;
    }
    qsort(latencies, logins, sizeof *latencies, ascending);
    printf("%zu 0 %llu %llu %llu %llu\n", logins, (unsigned long long)elapsed, (unsigned long long)cpu,
           (unsigned long long)latencies[logins / 2], (unsigned long long)latencies[logins * 99 / 100]);
    fflush(stdout);
    free(latencies);
}

static void read_line(char *line, size_t room) {
    if (!fgets(line, (int)room, stdin)) {
        fprintf(stderr, "libldap: standard input ended early\n");
        exit(1);
    }
    line[strcspn(line, "\n")] = '\0';
}

static void read_attributes(char *list) {
    size_t count = 0;
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        if (count + 1 == sizeof attributes / sizeof *attributes) {
            fprintf(stderr, "libldap: too many attributes\n");
            exit(2);
        }
        attributes[count++] = name;
    }
}

int main(int count, char **arguments) {
    if (count != 9) {
        fprintf(stderr, "usage: libldap URL START_TLS CA_FILE BASE SERVICE_DN CALLERS USERS ATTRIBUTE[,ATTRIBUTE]...\n");
        return 2;
    }
    url = arguments[1], start_tls = atoi(arguments[2]), base = arguments[4], service_dn = arguments[5];
    int callers_count = atoi(arguments[6]);
    users = atol(arguments[7]);
    read_attributes(arguments[8]);
    if (callers_count < 1 || users < 1) {
        fprintf(stderr, "libldap: there must be callers and users\n");
        return 2;
    }
    read_line(service_password, sizeof service_password);
    read_line(password_prefix, sizeof password_prefix);

    int demand = LDAP_OPT_X_TLS_DEMAND;
    ldap_set_option(NULL, LDAP_OPT_X_TLS_CACERTFILE, arguments[3]);
    ldap_set_option(NULL, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    struct caller *callers = calloc((size_t)callers_count, sizeof *callers);
    if (!callers)
        out_of_memory();
    pthread_barrier_init(&begin, NULL, (unsigned)callers_count + 1);
    pthread_barrier_init(&end, NULL, (unsigned)callers_count + 1);
    for (int index = 0; index < callers_count; index++) {
        struct caller *caller = &callers[index];
        caller->random = nanoseconds(CLOCK_MONOTONIC) * 2654435761u + (uint64_t)index + 1;
        caller->searches = dial();
        bind_as(caller->searches, service_dn, service_password, NULL);
        caller->binds = dial();
        if (pthread_create(&caller->thread, NULL, call, caller) != 0)
            out_of_memory();
    }
    printf("ready\n");
    fflush(stdout);

    char command[128];
    long milliseconds;
    while (fgets(command, sizeof command, stdin)) {
        if (sscanf(command, "round %ld", &milliseconds) != 1) {
            fprintf(stderr, "libldap: no such command: %s", command);
            return 2;
        }
        play_round(callers, callers_count, milliseconds);
    }
    return 0;
}
