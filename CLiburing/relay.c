// A thread that waits in our place where a write may block for ever.

#include "compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "CLiburing.h"

// Read by one thread only, and set before it is started.
struct ends {
  int queue;
  int target;
};
static struct ends relay;

// Writes all of it; what fails is lost.
static void write_all(int target, const char *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t written = write(target, bytes, (size_t)count);
    if (written > 0) {
      bytes += written;
      count -= written;
    } else if (written < 0 && errno == EAGAIN) {
      // Somebody who shares it has made it non-blocking.
      struct pollfd room = {.fd = target, .events = POLLOUT};
      poll(&room, 1, -1);
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

static void *pass_on(void *unused) {
  (void)unused;
  char bytes[4096];
  for (;;) {
    ssize_t count = read(relay.queue, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    write_all(relay.target, bytes, count);
  }
  close(relay.queue);
  return NULL;
}

int clu_relay_open(int target, int byte_count, uint64_t *thread) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return -errno;
  // Our end only: the thread is to wait.
  fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
  fcntl(pipe_ends[1], F_SETPIPE_SZ, byte_count);
  relay = (struct ends){.queue = pipe_ends[0], .target = target};
  // A signal is for the loop, or else ends the process; here it would only be in the way.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t handle;
  int error = pthread_create(&handle, NULL, pass_on, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) {
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return -error;
  }
  *thread = (uint64_t)handle;
  return pipe_ends[1];
}

void clu_relay_close(int queue, uint64_t thread, int seconds) {
  close(queue);
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += seconds;
  pthread_timedjoin_np((pthread_t)thread, NULL, &deadline);
}
