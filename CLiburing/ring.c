// Making, driving and ending a ring.
#include "compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Static_assert(sizeof(clu_completion) == 16, "Swift copies completions as 16 bytes");
_Static_assert(CLU_COMPLETION_MORE == IORING_CQE_F_MORE, "io_uring_enter(2), CQE flags");
_Static_assert(CLU_COMPLETION_NOTIFICATION == IORING_CQE_F_NOTIF, "io_uring_enter(2), CQE flags");
_Static_assert(CLU_NOTIFICATION_COPIED == IORING_NOTIF_USAGE_ZC_COPIED, "io_uring_enter(2)");

// io_uring_setup(2). Best first; the kernel answers EINVAL to a flag that it does not know.
// SUBMIT_ALL: otherwise one refused send stops the whole batch. CQSIZE: a zero-copy send posts
// two completions. CLAMP: take the kernel's maximum instead of failing. SQPOLL would burn a core.
static const unsigned flag_ladder[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
        IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
        IORING_SETUP_CLAMP,
    IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
};
#define FLAG_RUNGS (sizeof flag_ladder / sizeof flag_ladder[0])

// Linux 6.14 to at least 6.18 charges the rings to RLIMIT_MEMLOCK, so ENOMEM means "smaller".
// The last rung is the smallest that carries a transfer at all.
static const struct {
  uint32_t sq, cq;
} size_ladder[] = {{UINT32_MAX, UINT32_MAX}, {256, 1024}, {64, 256}, {16, 64}};
#define SIZE_RUNGS (sizeof size_ladder / sizeof size_ladder[0])

// Rings of a process that ended are uncharged a little later: five tries, 20 ms apart.
#define LAST_RUNG_RETRIES 5
#define RETRY_PAUSE_NS 20000000L

// Destroying: 100 waits of 10 ms. A cancelled socket or pipe operation ends in microseconds; only
// a disk write that already runs can take longer, and then the caller keeps its memory mapped.
#define QUIESCE_ROUNDS 100
#define QUIESCE_PAUSE_NS 10000000L

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static int create_with_flags(struct io_uring *ring, uint32_t sq, uint32_t cq, unsigned *flags) {
  int result = -EINVAL;
  for (size_t rung = 0; rung < FLAG_RUNGS && result == -EINVAL; rung++) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flag_ladder[rung];
    params.cq_entries = cq;
    *flags = flag_ladder[rung];
    result = io_uring_queue_init_params(sq, ring, &params);
  }
  return result;
}

static int create_with_sizes(struct io_uring *ring, uint32_t sq, uint32_t cq, unsigned *flags) {
  int result = -ENOMEM;
  for (size_t rung = 0; rung < SIZE_RUNGS && result == -ENOMEM; rung++) {
    result = create_with_flags(ring, smaller(sq, size_ladder[rung].sq),
                               smaller(cq, size_ladder[rung].cq), flags);
  }
  for (int attempt = 0; attempt < LAST_RUNG_RETRIES && result == -ENOMEM; attempt++) {
    struct timespec pause = {0, RETRY_PAUSE_NS};
    nanosleep(&pause, NULL);
    result = create_with_flags(ring, smaller(sq, size_ladder[SIZE_RUNGS - 1].sq),
                               smaller(cq, size_ladder[SIZE_RUNGS - 1].cq), flags);
  }
  return result;
}

// What an operation can do is asked of the kernel, never read from its version: distributions
// backport. SOCKET came with 5.19, as did cancelling by descriptor and whole sends, which have no
// bit of their own.
static uint32_t probe(struct io_uring *ring, unsigned flags) {
  uint32_t features = 0;
  if (flags & IORING_SETUP_DEFER_TASKRUN) features |= CLU_FEATURE_SINGLE_ISSUER;
  if (flags & IORING_SETUP_COOP_TASKRUN) features |= CLU_FEATURE_COOPERATIVE;
  if (flags & IORING_SETUP_SUBMIT_ALL) features |= CLU_FEATURE_SUBMIT_ALL;
  if (ring->features & IORING_FEAT_NODROP) features |= CLU_FEATURE_NO_DROP;
  if (ring->features & IORING_FEAT_EXT_ARG) features |= CLU_FEATURE_TIMEOUT_ARGUMENT;
  struct io_uring_probe *answer = io_uring_get_probe_ring(ring);
  if (answer == NULL) return features;
  if (io_uring_opcode_supported(answer, CLU_OP_SEND_ZC)) features |= CLU_FEATURE_SEND_ZERO_COPY;
  if (io_uring_opcode_supported(answer, CLU_OP_SOCKET)) {
    features |= CLU_FEATURE_CANCEL_DESCRIPTOR | CLU_FEATURE_SEND_WAIT_ALL;
  }
  io_uring_free_probe(answer);
  return features;
}

int clu_ring_create(uint32_t sq_entries, uint32_t cq_entries, clu_ring **out) {
  *out = NULL;
  (void)clu_locked_memory_limit();  // Raises the soft limit; the rings may be charged to it.
  clu_ring *ring = calloc(1, sizeof *ring);
  if (ring == NULL) return -ENOMEM;
  unsigned flags = 0;
  int result = create_with_sizes(&ring->ring, sq_entries, cq_entries, &flags);
  if (result < 0) {
    free(ring);
    return result;
  }
  ring->scratch = calloc(clu_ring_sq_entries(ring), sizeof *ring->scratch);
  if (ring->scratch == NULL) {
    io_uring_queue_exit(&ring->ring);
    free(ring);
    return -ENOMEM;
  }
  ring->features = probe(&ring->ring, flags);
  // Both only save work, so failing is fine: older kernels know no registered ring descriptor.
  if (io_uring_register_ring_fd(&ring->ring) == 1) {
    ring->features |= CLU_FEATURE_REGISTERED_RING;
  }
  (void)io_uring_ring_dontfork(&ring->ring);
  *out = ring;
  return 0;
}

// io_uring_prep_cancel(3): ANY (5.19) matches every operation of this ring.
static void quiesce(clu_ring *ring) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);
  if (sqe != NULL) {
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
    io_uring_sqe_set_data64(sqe, LIBURING_UDATA_TIMEOUT);  // Not counted, not delivered.
  }
  for (int round = 0; round < QUIESCE_ROUNDS && ring->executing > 0; round++) {
    clu_completion batch[64];
    if (clu_ring_submit(ring, 1, QUIESCE_PAUSE_NS) < 0) return;
    while (clu_ring_reap(ring, batch, 64) > 0) continue;  // Ends: nothing new is submitted.
  }
}

uint32_t clu_ring_destroy(clu_ring *ring) {
  if (ring->executing > 0) {
    // Get what is still only prepared out of the way, so that the cancel finds a place.
    (void)clu_ring_submit(ring, 0, 0);
    quiesce(ring);
  }
  // Unregistering first gives the locked memory back at once instead of some time after exit.
  if (ring->has_buffers) (void)io_uring_unregister_buffers(&ring->ring);
  if (ring->has_files) (void)io_uring_unregister_files(&ring->ring);
  uint32_t executing = ring->executing;
  io_uring_queue_exit(&ring->ring);
  free(ring->scratch);
  free(ring);
  return executing;
}

uint32_t clu_ring_sq_entries(const clu_ring *ring) { return *ring->ring.sq.kring_entries; }
uint32_t clu_ring_cq_entries(const clu_ring *ring) { return *ring->ring.cq.kring_entries; }
uint32_t clu_ring_features(const clu_ring *ring) { return ring->features; }
uint32_t clu_ring_executing(const clu_ring *ring) { return ring->executing; }
bool clu_ring_has_overflow(const clu_ring *ring) { return io_uring_cq_has_overflow(&ring->ring); }
uint32_t clu_ring_dropped(const clu_ring *ring) { return *ring->ring.cq.koverflow; }

// What the return values of the library's calls count differs between versions, so the number of
// submitted operations is read from the queue.
int clu_ring_submit(clu_ring *ring, uint32_t minimum, int64_t timeout_ns) {
  uint32_t before = io_uring_sq_ready(&ring->ring);
  int result;
  if (minimum == 0 || timeout_ns == 0) {
    // Also runs deferred completions, which a plain submit does not.
    result = io_uring_submit_and_get_events(&ring->ring);
  } else if (timeout_ns < 0) {
    result = io_uring_submit_and_wait(&ring->ring, minimum);
  } else {
    struct __kernel_timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    struct io_uring_cqe *ignored;
    result = io_uring_submit_and_wait_timeout(&ring->ring, &ignored, minimum, &limit, NULL);
  }
  // io_uring_enter(2): EINTR a signal (also with SA_RESTART), EAGAIN no memory for requests now,
  // EBUSY completions overflowed, ETIME the timeout. Each means: look at the completion queue.
  bool is_harmless = result == -EINTR || result == -EAGAIN || result == -EBUSY || result == -ETIME;
  if (result < 0 && !is_harmless) return result;
  return (int)(before - io_uring_sq_ready(&ring->ring));
}

uint32_t clu_ring_reap(clu_ring *ring, clu_completion *out, uint32_t capacity) {
  enum { BATCH = 64 };  // Half a kilobyte of stack.
  struct io_uring_cqe *batch[BATCH];
  unsigned count = io_uring_peek_batch_cqe(&ring->ring, batch, smaller(capacity, BATCH));
  uint32_t stored = 0;
  for (unsigned index = 0; index < count; index++) {
    const struct io_uring_cqe *cqe = batch[index];
    // The library's own timeout on kernels without EXT_ARG, and our final cancel.
    if (cqe->user_data == LIBURING_UDATA_TIMEOUT) continue;
    out[stored].user_data = cqe->user_data;
    out[stored].result = cqe->res;
    out[stored].flags = cqe->flags;
    stored++;
    // A notification belongs to a send that is counted as finished already.
    if (!(cqe->flags & IORING_CQE_F_NOTIF)) ring->executing--;
  }
  io_uring_cq_advance(&ring->ring, count);
  return stored;
}
