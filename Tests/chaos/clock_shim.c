// Shifts the wall clock of one program while it runs, and no other clock: preloaded by the fault clock-jump.
//
// The file that CHAOS_CLOCK names holds eight bytes, the shift in nanoseconds (a 64-bit integer of this machine); it is
// mapped, so a write to it takes effect at once. Absolute times that a program waits for by the wall clock are shifted
// back, as the kernel's clock did not jump. They are told from times of other clocks by being later than 2001.
//
//   cc -shared -fPIC -O2 -o clock_shim.so clock_shim.c -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL
#define WALL_SECONDS 1000000000LL

static volatile const int64_t *shift;

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) shift = page;
}

static struct timespec shifted(struct timespec time, int64_t by) {
    int64_t nanoseconds = time.tv_nsec + by % NANOSECONDS;
    time.tv_sec += by / NANOSECONDS;
    if (nanoseconds < 0) nanoseconds += NANOSECONDS, time.tv_sec -= 1;
    if (nanoseconds >= NANOSECONDS) nanoseconds -= NANOSECONDS, time.tv_sec += 1;
    time.tv_nsec = nanoseconds;
    return time;
}

static struct timespec waited_for(const struct timespec *time) {
    return shift && time->tv_sec > WALL_SECONDS ? shifted(*time, -*shift) : *time;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *time) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int result = real(clock, time);
    if (result == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *time = shifted(*time, *shift);
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0 && time) time->tv_sec = now.tv_sec, time->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
    struct timespec time = waited_for(until);
    return REAL(pthread_cond_timedwait)(condition, mutex, &time);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    struct timespec time = waited_for(until);
    return REAL(sem_timedwait)(semaphore, &time);
}

int timerfd_settime(int file, int flags, const struct itimerspec *new, struct itimerspec *old) {
    struct itimerspec value = *new;
    if (flags & TFD_TIMER_ABSTIME) value.it_value = waited_for(&new->it_value);
    return REAL(timerfd_settime)(file, flags, &value, old);
}
