// Memory: locked, registered and mapped. And the table of registered descriptors.
#include "compat.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// io_uring charges nobody who has CAP_IPC_LOCK. (Inside a user namespace the capability does not
// count; registration then fails with ENOMEM and the caller registers less.)
static bool may_lock_everything(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

uint64_t clu_locked_memory_limit(void) {
  if (may_lock_everything()) return UINT64_MAX;
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;  // Always allowed, see setrlimit(2).
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) (void)getrlimit(RLIMIT_MEMLOCK, &limit);
  }
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

// io_uring_register_buffers_sparse(3): 5.19. Older kernels refuse, and do without.
int clu_buffers_register(clu_ring *ring, uint32_t count) {
  int result = io_uring_register_buffers_sparse(&ring->ring, count);
  ring->has_buffers = result == 0;
  return result;
}

int clu_buffers_set(clu_ring *ring, uint32_t place, void *base, size_t length) {
  struct iovec buffer = {base, length};
  int result = io_uring_register_buffers_update_tag(&ring->ring, place, &buffer, NULL, 1);
  return result < 0 ? result : 0;
}

// io_uring_register_files(3). The sparse call is of 5.19; before it, a table of -1 does the same.
int clu_files_register(clu_ring *ring, uint32_t count) {
  int result = io_uring_register_files_sparse(&ring->ring, count);
  if (result == -EINVAL) {
    int *empty = malloc(count * sizeof *empty);
    if (empty == NULL) return -ENOMEM;
    for (uint32_t index = 0; index < count; index++) empty[index] = -1;
    result = io_uring_register_files(&ring->ring, empty, count);
    free(empty);
  }
  ring->has_files = result == 0;
  return result;
}

int clu_files_set(clu_ring *ring, uint32_t index, int descriptor) {
  int result = io_uring_register_files_update(&ring->ring, index, &descriptor, 1);
  return result < 0 ? result : 0;
}

int clu_memory_map(size_t length, bool huge_pages, void **out) {
  // One huge page more than needed, so that an aligned part is inside; the rest goes back.
  const uintptr_t alignment = (uintptr_t)2 << 20;
  *out = NULL;
  char *whole = mmap(NULL, length + alignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) return -errno;
  size_t head = (alignment - (uintptr_t)whole % alignment) % alignment;
  if (head > 0) (void)munmap(whole, head);
  (void)munmap(whole + head + length, alignment - head);
  // A fork would copy every registered page at once: 0.6 s for 256 MiB.
  (void)madvise(whole + head, length, MADV_DONTFORK);
  // Otherwise a huge page may appear by itself, and locking 4 KiB of it is charged as 2 MiB.
  (void)madvise(whole + head, length, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  *out = whole + head;
  return 0;
}

void clu_memory_unmap(void *base, size_t length) { (void)munmap(base, length); }
