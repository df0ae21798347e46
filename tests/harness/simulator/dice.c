/* The same random bytes for the same seed: preloaded into nemesis, so that ids, keys and nonces repeat with the story.
 * TSUTSUJI_SEED  the seed. Never in a product: tests only. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static uint64_t state;
static int begun;

static uint64_t next(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

ssize_t getrandom(void *into, size_t length, unsigned flags) {
    (void)flags;
    pthread_mutex_lock(&gate);
    if (!begun) {
        const char *seed = getenv("TSUTSUJI_SEED");
        state = seed ? strtoull(seed, NULL, 10) : 0;
        begun = 1;
    }
    for (size_t at = 0; at < length; at++) ((unsigned char *)into)[at] = (unsigned char)next();
    pthread_mutex_unlock(&gate);
    return (ssize_t)length;
}
