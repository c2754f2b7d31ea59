// One function per operation in use. Every flag is set here, with the page that explains it.
#include "compat.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

static bool finish(clu_ring *ring, struct io_uring_sqe *sqe, uint64_t user_data) {
  io_uring_sqe_set_data64(sqe, user_data);
  ring->executing++;
  return true;
}

// IOSQE_FIXED_FILE: the number is a place in the registered table, io_uring_enter(2).
static bool finish_file(clu_ring *ring, struct io_uring_sqe *sqe, uint64_t user_data,
                        clu_file file) {
  if (file.is_registered) sqe->flags |= IOSQE_FIXED_FILE;
  return finish(ring, sqe, user_data);
}

static union clu_scratch *scratch_of(clu_ring *ring, const struct io_uring_sqe *sqe) {
  return &ring->scratch[sqe - ring->ring.sq.sqes];
}

// Every function below starts so: a full queue is the caller's to handle, not an error.
#define TAKE_OR_FALSE(ring, sqe)                               \
  struct io_uring_sqe *sqe = io_uring_get_sqe(&(ring)->ring);  \
  if (sqe == NULL) return false

bool clu_prepare_nop(clu_ring *ring, uint64_t user_data) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_nop(sqe);
  return finish(ring, sqe, user_data);
}

// io_uring_prep_read(3): offset -1 uses no offset, for pipes, sockets and terminals.
// io_uring_prep_read_fixed(3): any range within one registered buffer.
bool clu_prepare_read(clu_ring *ring, uint64_t user_data, clu_file file, void *buffer,
                      uint32_t length, uint64_t offset, int32_t place) {
  TAKE_OR_FALSE(ring, sqe);
  if (place < 0) {
    io_uring_prep_read(sqe, file.number, buffer, length, offset);
  } else {
    io_uring_prep_read_fixed(sqe, file.number, buffer, length, offset, place);
  }
  return finish_file(ring, sqe, user_data, file);
}

bool clu_prepare_write(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                       uint32_t length, uint64_t offset, int32_t place) {
  TAKE_OR_FALSE(ring, sqe);
  if (place < 0) {
    io_uring_prep_write(sqe, file.number, buffer, length, offset);
  } else {
    io_uring_prep_write_fixed(sqe, file.number, buffer, length, offset, place);
  }
  return finish_file(ring, sqe, user_data, file);
}

// io_uring_prep_send(3): WAITALL makes the kernel retry until all is queued (5.19; before that,
// and in rare cases after it, the count is short). NOSIGNAL: an error instead of SIGPIPE, send(2).
bool clu_prepare_send(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                      uint32_t length) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_send(sqe, file.number, buffer, length, MSG_WAITALL | MSG_NOSIGNAL);
  return finish_file(ring, sqe, user_data, file);
}

// io_uring_prep_send_zc(3): REPORT_USAGE (6.2, 6.1 stable) makes the notification say whether the
// kernel copied. Where it is unknown the send fails with EINVAL: such a kernel gets plain sends.
bool clu_prepare_send_zc(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                         uint32_t length, int32_t place) {
  const int flags = MSG_WAITALL | MSG_NOSIGNAL;
  TAKE_OR_FALSE(ring, sqe);
  if (place < 0) {
    io_uring_prep_send_zc(sqe, file.number, buffer, length, flags, IORING_SEND_ZC_REPORT_USAGE);
  } else {
    io_uring_prep_send_zc_fixed(sqe, file.number, buffer, length, flags,
                                IORING_SEND_ZC_REPORT_USAGE, place);
  }
  return finish_file(ring, sqe, user_data, file);
}

// io_uring_prep_recv(3), recv(2): with WAITALL a short count means the end, an error or a cancel.
bool clu_prepare_recv(clu_ring *ring, uint64_t user_data, clu_file file, void *buffer,
                      uint32_t length, bool wait_all) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_recv(sqe, file.number, buffer, length, wait_all ? MSG_WAITALL : 0);
  return finish_file(ring, sqe, user_data, file);
}

// tcp(7): with MSG_TRUNC the bytes are thrown away instead of being stored, so no buffer is needed.
// Never with WAITALL: when the bytes come in two parts, Linux 6.18 starts counting again and threw
// away 220 bytes where 100 were asked for.
bool clu_prepare_discard(clu_ring *ring, uint64_t user_data, clu_file file, uint32_t length) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_recv(sqe, file.number, NULL, length, MSG_TRUNC);
  return finish_file(ring, sqe, user_data, file);
}

// io_uring_prep_accept(3), accept4(2). Blocking on purpose: the ring waits, and O_NONBLOCK made
// older kernels return EAGAIN. The peer's address is asked later with getpeername(2).
bool clu_prepare_accept(clu_ring *ring, uint64_t user_data, clu_file file) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_accept(sqe, file.number, NULL, NULL, SOCK_CLOEXEC);
  return finish_file(ring, sqe, user_data, file);
}

bool clu_prepare_connect(clu_ring *ring, uint64_t user_data, clu_file file,
                         const clu_address *address) {
  TAKE_OR_FALSE(ring, sqe);
  union clu_scratch *scratch = scratch_of(ring, sqe);
  socklen_t length = clu_address_to_kernel(address, scratch);
  io_uring_prep_connect(sqe, file.number, (struct sockaddr *)scratch, length);
  return finish_file(ring, sqe, user_data, file);
}

// io_uring_prep_timeout(3): count 0, so that only the time ends it; ABS counts CLOCK_MONOTONIC.
bool clu_prepare_timeout(clu_ring *ring, uint64_t user_data, int64_t nanoseconds,
                         bool is_absolute) {
  TAKE_OR_FALSE(ring, sqe);
  union clu_scratch *scratch = scratch_of(ring, sqe);
  scratch->time.tv_sec = nanoseconds / 1000000000;
  scratch->time.tv_nsec = nanoseconds % 1000000000;
  io_uring_prep_timeout(sqe, &scratch->time, 0, is_absolute ? IORING_TIMEOUT_ABS : 0);
  return finish(ring, sqe, user_data);
}

bool clu_prepare_poll(clu_ring *ring, uint64_t user_data, clu_file file, bool readable,
                      bool writable) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_poll_add(sqe, file.number, (readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
  return finish_file(ring, sqe, user_data, file);
}

bool clu_prepare_cancel(clu_ring *ring, uint64_t user_data, uint64_t target_user_data) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_cancel64(sqe, target_user_data, 0);
  return finish(ring, sqe, user_data);
}

// io_uring_prep_cancel(3): FD and ALL are of 5.19; the result is the number cancelled.
bool clu_prepare_cancel_file(clu_ring *ring, uint64_t user_data, clu_file file) {
  TAKE_OR_FALSE(ring, sqe);
  unsigned flags = IORING_ASYNC_CANCEL_ALL;
  if (file.is_registered) flags |= IORING_ASYNC_CANCEL_FD_FIXED;
  io_uring_prep_cancel_fd(sqe, file.number, flags);
  return finish(ring, sqe, user_data);
}

bool clu_prepare_fsync(clu_ring *ring, uint64_t user_data, clu_file file, bool data_only) {
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_fsync(sqe, file.number, data_only ? IORING_FSYNC_DATASYNC : 0);
  return finish_file(ring, sqe, user_data, file);
}

// fallocate(2): KEEP_SIZE leaves the file's length as it is; PUNCH_HOLE demands it. On a block
// device both kinds of zeros are promised by the kernel, or refused.
bool clu_prepare_fallocate(clu_ring *ring, uint64_t user_data, clu_file file, uint64_t offset,
                           uint64_t length, int32_t allocation) {
  static const int modes[] = {
      [CLU_RESERVED] = 0,
      [CLU_RESERVED_BEHIND_END] = FALLOC_FL_KEEP_SIZE,
      [CLU_HOLE] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
      [CLU_ZEROS] = FALLOC_FL_ZERO_RANGE,
  };
  TAKE_OR_FALSE(ring, sqe);
  io_uring_prep_fallocate(sqe, file.number, modes[allocation], (off_t)offset,
                          (off_t)length);
  return finish_file(ring, sqe, user_data, file);
}
