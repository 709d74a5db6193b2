/* A disk that needs as long as the test says until what was written is safe. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "told.h"

static void wait_for_the_disk(void) {
    int64_t delay = __atomic_load_n(&told->microseconds, __ATOMIC_RELAXED);
    struct timespec left = {delay / 1000000, delay % 1000000 * 1000};
    if (!delay)
        return;
    count();
    while (nanosleep(&left, &left) && errno == EINTR) /* No signal makes a disk quicker. */
        ;
}

int fsync(int file) {
    wait_for_the_disk();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_for_the_disk();
    return (int)syscall(SYS_fdatasync, file);
}
