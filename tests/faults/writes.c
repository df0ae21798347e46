/* What a process does to the files of one folder, written down: preloaded into tsutsuji-device by power.rs, which plays
 * it back as a disk would look after power loss. Can also be a full disk.
 *
 * TSUTSUJI_WRITES_FOLDER  the folder that is watched, absolute, without links
 * TSUTSUJI_WRITES_LOG     where it is written down; nothing is, if it is not set
 * TSUTSUJI_WRITES_FULL    after so many writes that make a file longer, the disk has no room: the first such write gets
 *                         half of its bytes in, the next ones none; writes in place go on as on a real full disk
 * TSUTSUJI_WRITES_KILL    kill -9 as soon as something was said on standard output: the log of SQLite stays as it is
 * TSUTSUJI_WRITES_COUNT   where the number of writes that made a file longer is put at the end
 *
 * One record: op (1 byte), 3 zeros, fd (i32), offset (u64), length (u64), then `length` bytes; all little endian.
 *   S process starts   O file opened (bytes: name)   D the folder itself opened   W bytes written at offset
 *   T cut to offset    F flushed (fsync, fdatasync)  U name removed               R name renamed (old NUL new)
 *   C fd closed        P said on standard output     X something that this file cannot play back (bytes: what)
 * `-shm` is not written down: SQLite makes it anew after a crash. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
enum { NOT_OURS = 0, A_FILE, A_FOLDER, SHARED_MEMORY };
static unsigned char kind[FDS];
static char folder[PATH_MAX];
static size_t folder_length;
static int log_fd = -1;
static long long room = -1; /* writes that may still make a file longer; -1: no limit */
static long long grown = 0;
static int kills = 0;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void record(char op, int fd, uint64_t offset, const void *bytes, size_t length) {
    if (log_fd < 0) return;
    struct { char op, pad[3]; int32_t fd; uint64_t offset, length; } head = { op, {0, 0, 0}, fd, offset, length };
    struct iovec parts[2] = { { &head, sizeof head }, { (void *)bytes, length } };
    /* Straight to the kernel: our own `writev` would write itself down. */
    if (syscall(SYS_writev, log_fd, parts, 2) != (long)(sizeof head + length)) abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TSUTSUJI_WRITES_FOLDER"), *log = getenv("TSUTSUJI_WRITES_LOG");
    const char *full = getenv("TSUTSUJI_WRITES_FULL");
    if (!path || strlen(path) >= sizeof folder) return;
    strcpy(folder, path);
    folder_length = strlen(folder);
    if (full) room = atoll(full);
    kills = getenv("TSUTSUJI_WRITES_KILL") != NULL;
    if (log) {
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_fd < 0) abort();
        record('S', getpid(), 0, "", 0);
    }
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("TSUTSUJI_WRITES_COUNT");
    if (!path) return;
    char words[32];
    int length = snprintf(words, sizeof words, "%lld", grown);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0 && syscall(SYS_write, fd, words, (size_t)length) == length) syscall(SYS_close, fd);
}

/* The name inside the folder, or NULL. `whole` must be absolute. */
static const char *inside(const char *whole) {
    if (!folder_length || strncmp(whole, folder, folder_length) != 0 || whole[folder_length] != '/') return NULL;
    return whole + folder_length + 1;
}

static int is_shared_memory(const char *name) {
    size_t length = strlen(name);
    return length >= 4 && strcmp(name + length - 4, "-shm") == 0;
}

static const char *whole_path(int at, const char *path, char *room_for_it) {
    if (path[0] == '/') return path;
    char link[64];
    if (at == AT_FDCWD) strcpy(link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t n = readlink(link, room_for_it, PATH_MAX - 1);
    if (n < 0 || (size_t)n + strlen(path) + 2 > PATH_MAX) return path;
    room_for_it[n] = '/';
    strcpy(room_for_it + n + 1, path);
    return room_for_it;
}

static int opened(int fd, int flags) {
    if (fd < 0 || fd >= FDS || !folder_length) return fd;
    char link[64], whole[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, whole, sizeof whole - 1);
    if (n < 0) return fd;
    whole[n] = 0;
    const char *name = inside(whole);
    kind[fd] = NOT_OURS;
    if (strcmp(whole, folder) == 0) {
        kind[fd] = A_FOLDER;
        record('D', fd, 0, "", 0);
    } else if (name && is_shared_memory(name)) {
        kind[fd] = SHARED_MEMORY;
    } else if (name) {
        kind[fd] = A_FILE;
        record('O', fd, 0, name, strlen(name));
        if (flags & O_TRUNC) record('T', fd, 0, "", 0);
    }
    return fd;
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    pthread_mutex_lock(&gate);
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    opened(fd, flags);
    pthread_mutex_unlock(&gate);
    errno = error;
    return fd;
}

#define MODE(flags) mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); }
int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_any(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_any(at, path, flags | O_LARGEFILE, mode); }
int __open_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags | O_LARGEFILE, 0); }
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, mode); }

int close(int fd) {
    pthread_mutex_lock(&gate);
    if (fd >= 0 && fd < FDS && kind[fd] != NOT_OURS) {
        if (kind[fd] != SHARED_MEMORY) record('C', fd, 0, "", 0);
        kind[fd] = NOT_OURS;
    }
    int result = (int)syscall(SYS_close, fd), error = errno;
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
}

static int is_ours(int fd) { return fd >= 0 && fd < FDS && (kind[fd] == A_FILE || kind[fd] == SHARED_MEMORY); }

/* How many of these bytes the disk takes: all, half of them, or none (-1, ENOSPC). */
static ssize_t taken(int fd, uint64_t offset, size_t length) {
    struct stat now;
    if (fstat(fd, &now) != 0 || offset + length <= (uint64_t)now.st_size) return (ssize_t)length;
    grown++;
    if (room < 0 || grown <= room) return (ssize_t)length;
    if (grown == room + 1 && length >= 2) return (ssize_t)(length / 2);
    errno = ENOSPC;
    return -1;
}

static ssize_t write_any(int fd, const void *bytes, size_t length, int has_offset, uint64_t offset) {
    if (fd == 1) {
        pthread_mutex_lock(&gate);
        /* Before the words are out: from here on they may be read. */
        record('P', 1, 0, "", 0);
        ssize_t said = syscall(SYS_write, fd, bytes, length);
        int error = errno;
        if (kills) kill(getpid(), SIGKILL);
        pthread_mutex_unlock(&gate);
        errno = error;
        return said;
    }
    if (!is_ours(fd)) return has_offset ? syscall(SYS_pwrite64, fd, bytes, length, offset) : syscall(SYS_write, fd, bytes, length);
    pthread_mutex_lock(&gate);
    if (!has_offset) {
        struct stat now;
        int appends = (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &now) == 0;
        offset = appends ? (uint64_t)now.st_size : (uint64_t)lseek(fd, 0, SEEK_CUR);
    }
    ssize_t done = taken(fd, offset, length);
    if (done >= 0) {
        done = has_offset ? syscall(SYS_pwrite64, fd, bytes, (size_t)done, offset) : syscall(SYS_write, fd, bytes, (size_t)done);
    }
    int error = errno;
    if (done > 0 && kind[fd] == A_FILE) record('W', fd, offset, bytes, (size_t)done);
    pthread_mutex_unlock(&gate);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_any(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_any(fd, bytes, length, 1, (uint64_t)offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_any(fd, bytes, length, 1, (uint64_t)offset); }

static ssize_t writev_any(int fd, const struct iovec *parts, int count, int has_offset, uint64_t offset) {
    ssize_t all = 0;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len == 0) continue;
        ssize_t done = write_any(fd, parts[i].iov_base, parts[i].iov_len, has_offset, offset + (uint64_t)all);
        if (done < 0) return all ? all : -1;
        all += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return all;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_ours(fd) && fd != 1) return syscall(SYS_writev, fd, parts, count);
    return writev_any(fd, parts, count, 0, 0);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return writev_any(fd, parts, count, 1, (uint64_t)offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return writev_any(fd, parts, count, 1, (uint64_t)offset); }

static int cut(int fd, uint64_t length) {
    pthread_mutex_lock(&gate);
    int result = (int)syscall(SYS_ftruncate, fd, length), error = errno;
    if (result == 0 && is_ours(fd) && kind[fd] == A_FILE) record('T', fd, length, "", 0);
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
}
int ftruncate(int fd, off_t length) { return cut(fd, (uint64_t)length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, (uint64_t)length); }

static int flush(long call, int fd) {
    pthread_mutex_lock(&gate);
    int result = (int)syscall(call, fd), error = errno;
    if (result == 0 && fd >= 0 && fd < FDS && (kind[fd] == A_FILE || kind[fd] == A_FOLDER)) record('F', fd, 0, "", 0);
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
}
int fsync(int fd) { return flush(SYS_fsync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }

static int remove_name(int at, const char *path, int flags) {
    char buffer[PATH_MAX];
    const char *name = inside(whole_path(at, path, buffer));
    pthread_mutex_lock(&gate);
    int result = (int)syscall(SYS_unlinkat, at, path, flags), error = errno;
    if (result == 0 && name && !is_shared_memory(name)) record('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
}
int unlink(const char *path) { return remove_name(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return remove_name(at, path, flags); }

static int rename_any(int at, const char *from, int to_at, const char *to, unsigned flags) {
    char buffer[PATH_MAX], to_buffer[PATH_MAX], both[2 * PATH_MAX];
    const char *old = inside(whole_path(at, from, buffer)), *new = inside(whole_path(to_at, to, to_buffer));
    pthread_mutex_lock(&gate);
    int result = (int)syscall(SYS_renameat2, at, from, to_at, to, flags), error = errno;
    if (result == 0 && old && new) {
        size_t length = strlen(old) + 1;
        strcpy(both, old);
        strcpy(both + length, new);
        record('R', 0, 0, both, length + strlen(new));
    } else if (result == 0 && (old || new)) {
        record('X', 0, 0, "rename", 6);
    }
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
}
int rename(const char *from, const char *to) { return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int at, const char *from, int to_at, const char *to) { return rename_any(at, from, to_at, to, 0); }
int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags) { return rename_any(at, from, to_at, to, flags); }

/* Ways of writing that cannot be played back: the test stops and says so. */
static void *map_any(void *at, size_t length, int prot, int flags, int fd, off64_t offset) {
    if (is_ours(fd) && kind[fd] == A_FILE && (prot & PROT_WRITE) && (flags & MAP_SHARED)) record('X', fd, 0, "mmap", 4);
    return (void *)syscall(SYS_mmap, at, length, prot, flags, fd, offset);
}
void *mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset) { return map_any(at, length, prot, flags, fd, offset); }
void *mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset) { return map_any(at, length, prot, flags, fd, offset); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
    if (is_ours(fd) && kind[fd] == A_FILE) record('X', fd, 0, "fallocate", 9);
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (is_ours(to) && kind[to] == A_FILE) record('X', to, 0, "copy_file_range", 15);
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}
