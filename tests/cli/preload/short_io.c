// Reads and writes that give fewer bytes than were asked for, and calls that a signal interrupts: of all files that the
// program opens by a relative name. A timer's signals, whose handler does not have calls taken up again, come on top.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { most_files = 4096 };
static atomic_char ours[most_files];
static atomic_uint_fast64_t calls, faults;

// A step of splitmix64: each call has a fate of its own, whichever thread makes it.
static uint64_t chance(void) {
  uint64_t z = (atomic_fetch_add(&calls, 1) + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int is_ours(int file) { return file >= 0 && file < most_files && atomic_load(&ours[file]); }

static int interrupted(uint64_t fate) {
  if (fate % 3 != 0) return 0;
  atomic_fetch_add(&faults, 1);
  errno = EINTR;
  return 1;
}

static size_t fewer(uint64_t fate, size_t count) {
  if (count < 2 || fate % 3 != 1) return count;
  atomic_fetch_add(&faults, 1);
  return 1 + (fate >> 8) % (count - 1);
}

#define REAL(result, name, ...)                                     \
  static result (*real)(__VA_ARGS__);                               \
  if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                                  \
  int name(const char* path, int flags, ...) {                                      \
    REAL(int, name, const char*, int, ...);                                         \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;         \
    va_end(rest);                                                                   \
    const int chosen = path[0] != '/';                                              \
    if (chosen && interrupted(chance())) return -1;                                 \
    const int file = real(path, flags, mode);                                       \
    if (file >= 0 && file < most_files) atomic_store(&ours[file], (char)chosen);    \
    return file;                                                                    \
  }
OPEN(open)
OPEN(open64)

int close(int file) {
  REAL(int, close, int);
  if (file >= 0 && file < most_files) atomic_store(&ours[file], 0);
  return real(file);
}

#define TRANSFER(name, buffer)                                             \
  ssize_t name(int file, buffer bytes, size_t count) {                     \
    REAL(ssize_t, name, int, buffer, size_t);                              \
    if (!is_ours(file)) return real(file, bytes, count);                   \
    const uint64_t fate = chance();                                        \
    return interrupted(fate) ? -1 : real(file, bytes, fewer(fate, count)); \
  }
TRANSFER(read, void*)
TRANSFER(write, const void*)

#define TRANSFER_AT(name, buffer)                                              \
  ssize_t name(int file, buffer bytes, size_t count, off_t at) {               \
    REAL(ssize_t, name, int, buffer, size_t, off_t);                           \
    if (!is_ours(file)) return real(file, bytes, count, at);                   \
    const uint64_t fate = chance();                                            \
    return interrupted(fate) ? -1 : real(file, bytes, fewer(fate, count), at); \
  }
TRANSFER_AT(pread, void*)
TRANSFER_AT(pread64, void*)
TRANSFER_AT(pwrite, const void*)
TRANSFER_AT(pwrite64, const void*)

int fsync(int file) {
  REAL(int, fsync, int);
  return is_ours(file) && interrupted(chance()) ? -1 : real(file);
}

static void on_alarm(int signal) { (void)signal; }

__attribute__((constructor)) static void begin(void) {
  // A program that starts itself anew would meet the signal without its handler.
  if (!getenv("EXPUNGE_RESTARTED")) return;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;  // without SA_RESTART
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &often, NULL);
}

// How many calls were met, as a line of FAULTS_COUNTED: a test is to see that there were some.
__attribute__((destructor)) static void end(void) {
  const char* path = getenv("FAULTS_COUNTED");
  if (!path || !getenv("EXPUNGE_RESTARTED")) return;
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  FILE* file = fopen(path, "a");
  if (!file) return;
  fprintf(file, "%lu\n", (unsigned long)atomic_load(&faults));
  fclose(file);
}
