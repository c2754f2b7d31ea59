// Files and disks: what Glibc shows only to those who define _GNU_SOURCE.
#include "compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

// open(2): a file is opened anew through /proc, since O_DIRECT set by fcntl(2) would also change
// the descriptors of whoever gave us this one, and a file that is written cannot be read.
int clu_open_again(int descriptor, bool is_input, bool is_direct) {
  char path[32];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int again = open(path, (is_input ? O_RDONLY : O_WRONLY) | (is_direct ? O_DIRECT : 0) | O_CLOEXEC);
  return again >= 0 ? again : -errno;
}

// lseek(2): SEEK_DATA fails with ENXIO where only a hole follows.
void clu_next_data(int descriptor, uint64_t from, uint64_t end, uint64_t *start, uint64_t *stop) {
  *start = from;
  *stop = end;
  off_t data = lseek(descriptor, (off_t)from, SEEK_DATA);
  if (data < 0 && errno == ENXIO) *start = end;
  if (data < 0) return;
  *start = (uint64_t)data < end ? (uint64_t)data : end;
  off_t hole = lseek(descriptor, data, SEEK_HOLE);
  if (hole > data && (uint64_t)hole < end) *stop = (uint64_t)hole;
}

// statx(2)
uint64_t clu_birth_time(int descriptor) {
  struct statx status;
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return 0;
  if (!(status.stx_mask & STATX_BTIME)) return 0;
  return (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
}
