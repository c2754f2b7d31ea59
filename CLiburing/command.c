// A command as a child: started by posix_spawn(3), which shares our memory until it runs (a fork
// would copy what is registered with the ring), and waited for by a pidfd that the ring polls.
#include "compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// waitid(2), Linux 5.4; an enum member where the C library knows it.
#define CLU_P_PIDFD 3

extern char **environ;

// The environment without one variable; the strings stay where they are. NULL without memory.
static char **environment_without(const char *hidden) {
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **copy = malloc((count + 1) * sizeof *copy);
  if (copy == NULL) return NULL;
  size_t length = strlen(hidden), kept = 0;
  for (size_t index = 0; index < count; index++) {
    const char *entry = environ[index];
    if (strncmp(entry, hidden, length) != 0 || entry[length] != '=') copy[kept++] = environ[index];
  }
  copy[kept] = NULL;
  return copy;
}

// A group of its own, SIGPIPE as for any program, and none of the signals blocked that we read.
static int set_attributes(posix_spawnattr_t *attributes) {
  sigset_t mask, defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0) return errno;
  sigdelset(&mask, SIGINT);
  sigdelset(&mask, SIGTERM);
  sigdelset(&mask, SIGHUP);
  int error = posix_spawnattr_setsigmask(attributes, &mask);
  if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &defaults);
  if (error == 0) error = posix_spawnattr_setpgroup(attributes, 0);
  short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  return error != 0 ? error : posix_spawnattr_setflags(attributes, flags);
}

static int set_streams(posix_spawn_file_actions_t *actions, int input, int output) {
  if (output >= 0) {
    // From a group that is not the terminal's, reading the terminal would stop the command.
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    return error != 0 ? error : posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
  }
  return posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
}

static int spawn(const char *text, int input, int output, char **environment, pid_t *process) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return error;
  error = posix_spawn_file_actions_init(&actions);
  if (error == 0) {
    error = set_attributes(&attributes);
    if (error == 0) error = set_streams(&actions, input, output);
    char *const arguments[] = {"sh", "-c", (char *)text, NULL};
    if (error == 0) {
      error = posix_spawn(process, "/bin/sh", &actions, &attributes, arguments, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_destroy(&attributes);
  return error;
}

int clu_command_start(const char *text, int input, int output, const char *hidden,
                      int32_t *group) {
  char **environment = environment_without(hidden);
  if (environment == NULL) return -ENOMEM;
  pid_t process = 0;
  int error = spawn(text, input, output, environment, &process);
  free(environment);
  if (error != 0) return -error;
  *group = process;
  // Nobody else waits for it, so the number is still its own, also if it has ended.
  int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
  if (descriptor >= 0) return descriptor;
  error = errno;
  kill(-process, SIGKILL);
  waitpid(process, NULL, 0);
  return -error;
}

int clu_command_status(int descriptor, bool *is_signal) {
  siginfo_t information = {0};
  // WNOWAIT: while nobody takes its status, no other group can get its number.
  if (waitid((idtype_t)CLU_P_PIDFD, (id_t)descriptor, &information,
             WEXITED | WNOHANG | WNOWAIT) != 0) {
    return -errno;
  }
  if (information.si_pid == 0) return -EAGAIN;
  *is_signal = information.si_code != CLD_EXITED;
  return information.si_status;
}

void clu_command_close(int descriptor) {
  siginfo_t information;
  waitid((idtype_t)CLU_P_PIDFD, (id_t)descriptor, &information, WEXITED | WNOHANG);
  close(descriptor);
}

int clu_command_signal(int32_t group, bool is_forced) {
  if (kill(-group, is_forced ? SIGKILL : SIGTERM) != 0) return -errno;
  // A stopped command would not hear of it.
  if (!is_forced) kill(-group, SIGCONT);
  return 0;
}
