/* An operating system with whims, preloaded into tsutsuji-device and tsutsuji-hub by system.rs.
 *
 * TSUTSUJI_CLOCK_SHIFT  so many seconds the wall clock is off; running time is as it is
 * TSUTSUJI_SUSPEND_AT   at the process's flush (fsync, fdatasync) of this number, before it is done, it is suspended */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long shift = 0;
static long long flushes_left = 0;

__attribute__((constructor)) static void begin(void) {
    const char *seconds = getenv("TSUTSUJI_CLOCK_SHIFT"), *flush = getenv("TSUTSUJI_SUSPEND_AT");
    if (seconds) shift = atoll(seconds);
    if (flush) flushes_left = atoll(flush);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift;
    return result;
}

static int flush(long call, int fd) {
    if (flushes_left > 0 && --flushes_left == 0) raise(SIGSTOP);
    return (int)syscall(call, fd);
}
int fsync(int fd) { return flush(SYS_fsync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }
