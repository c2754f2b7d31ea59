// Signals as something to read: the ring waits for them like for all else.

#include "compat.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "CLiburing.h"

// Adds a signal, unless whoever started us had it ignored, as nohup does and shells for background
// jobs: a signalfd would deliver it all the same.
static void add_unless_ignored(sigset_t *mask, int number) {
  struct sigaction present;
  if (sigaction(number, NULL, &present) == 0 && present.sa_handler == SIG_IGN) return;
  sigaddset(mask, number);
}

int clu_signals_open(void) {
  sigset_t mask;
  sigemptyset(&mask);
  add_unless_ignored(&mask, SIGINT);
  add_unless_ignored(&mask, SIGTERM);
  add_unless_ignored(&mask, SIGHUP);
  if (sigprocmask(SIG_BLOCK, &mask, NULL) != 0) return -errno;
  // A reader that has gone is reported by the write itself.
  signal(SIGPIPE, SIG_IGN);
  // So is a file that grows beyond `ulimit -f`.
  signal(SIGXFSZ, SIG_IGN);
  int descriptor = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  return descriptor < 0 ? -errno : descriptor;
}

int clu_signals_next(int descriptor) {
  struct signalfd_siginfo information;
  ssize_t count = read(descriptor, &information, sizeof information);
  return count == (ssize_t)sizeof information ? (int)information.ssi_signo : 0;
}
