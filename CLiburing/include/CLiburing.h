// Everything of liburing, sockets and XXH3 that Swift needs, and nothing else.
//
// This header includes neither <liburing.h> nor any socket header: liburing 2.3 to 2.5 define
// _GNU_SOURCE, which makes Swift's Glibc module and this one disagree about fd_set.
//
// Functions return 0 or a count on success and -errno on failure unless they say otherwise. A ring
// belongs to the thread that made it.
#ifndef CLIBURING_H
#define CLIBURING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- The ring (ring.c) ----------------------------------------------------------------------

typedef struct clu_ring clu_ring;

// One finished operation, or one notification.
typedef struct clu_completion {
  uint64_t user_data;
  int32_t result;
  uint32_t flags;
} clu_completion;

// Makes a ring of at most `sq_entries` and `cq_entries`; fewer when locked memory is short.
int clu_ring_create(uint32_t sq_entries, uint32_t cq_entries, clu_ring **out);

// Cancels what is in flight, waits for it up to one second, and frees the ring. Returns how many
// operations the kernel may still run: their memory must then never be unmapped or reused.
uint32_t clu_ring_destroy(clu_ring *ring);

uint32_t clu_ring_sq_entries(const clu_ring *ring);
uint32_t clu_ring_cq_entries(const clu_ring *ring);

// What the kernel granted; CLU_FEATURE_* bits.
uint32_t clu_ring_features(const clu_ring *ring);

// Operations handed to clu_prepare_* whose final result has not been reaped; a zero-copy send
// that only waits for its notification is not among them.
uint32_t clu_ring_executing(const clu_ring *ring);

// Whether completions wait in the kernel because the queue was full (they are not lost).
bool clu_ring_has_overflow(const clu_ring *ring);

// Completions that the kernel had to drop for lack of memory; anything but 0 is fatal.
uint32_t clu_ring_dropped(const clu_ring *ring);

// Submits everything prepared and waits for `minimum` completions, at most `timeout_ns` (< 0: no
// limit). Returns the number of operations submitted, or -errno. An interrupted or busy call is
// not an error. Never read the return value as "a completion is there".
int clu_ring_submit(clu_ring *ring, uint32_t minimum, int64_t timeout_ns);

// Copies up to `capacity` completions out of the queue and gives their places back.
uint32_t clu_ring_reap(clu_ring *ring, clu_completion *out, uint32_t capacity);

#define CLU_COMPLETION_MORE 0x2u
#define CLU_COMPLETION_NOTIFICATION 0x8u
// In the result of a notification: the kernel copied. Makes the result negative; not an error.
#define CLU_NOTIFICATION_COPIED 0x80000000u

#define CLU_FEATURE_SINGLE_ISSUER 0x001u      // one thread, completions run when it waits (6.1)
#define CLU_FEATURE_COOPERATIVE 0x002u        // no interrupts for completions (5.19)
#define CLU_FEATURE_SUBMIT_ALL 0x004u         // a bad operation does not stop the batch (5.18)
#define CLU_FEATURE_REGISTERED_RING 0x008u    // the ring's own descriptor is registered (5.18)
#define CLU_FEATURE_NO_DROP 0x010u            // an overflow loses nothing (5.5)
#define CLU_FEATURE_TIMEOUT_ARGUMENT 0x020u   // waiting takes a timeout itself (5.11)
#define CLU_FEATURE_SEND_ZERO_COPY 0x040u     // SEND_ZC exists (6.0)
#define CLU_FEATURE_CANCEL_DESCRIPTOR 0x080u  // cancel by descriptor (5.19)
#define CLU_FEATURE_SEND_WAIT_ALL 0x100u      // send completes whole (5.19)

// ---- Memory and descriptors that the ring knows (buffers.c) ----------------------------------

// Bytes that we may lock, after raising the soft limit to the hard one; UINT64_MAX: no limit.
uint64_t clu_locked_memory_limit(void);

// Makes an empty table of `count` buffers; then sets one place (NULL and 0 empty it). What an
// operation in flight uses stays registered until it is done.
int clu_buffers_register(clu_ring *ring, uint32_t count);
int clu_buffers_set(clu_ring *ring, uint32_t place, void *base, size_t length);

// Makes an empty table of `count` descriptors; then sets one place (-1 empties it). A socket stays
// open until its place is emptied, whatever close(2) says.
int clu_files_register(clu_ring *ring, uint32_t count);
int clu_files_set(clu_ring *ring, uint32_t index, int descriptor);

// ---- Operations (operations.c); each returns false when the submission queue is full ---------

// An IP address and port in host byte order. `version` is 4 or 6; IPv4 uses the low 32 bits.
typedef struct clu_address {
  uint64_t high;
  uint64_t low;
  uint32_t scope;
  uint16_t port;
  uint16_t version;
} clu_address;

// Where an operation goes: a descriptor, or a place in the table of registered ones.
typedef struct clu_file {
  int32_t number;
  bool is_registered;
} clu_file;

// An offset of UINT64_MAX is none: for a pipe, socket or terminal. `place` is that of the
// registered buffer in which all bytes lie; negative: none.
bool clu_prepare_nop(clu_ring *ring, uint64_t user_data);
bool clu_prepare_read(clu_ring *ring, uint64_t user_data, clu_file file, void *buffer,
                      uint32_t length, uint64_t offset, int32_t place);
bool clu_prepare_write(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                       uint32_t length, uint64_t offset, int32_t place);
bool clu_prepare_send(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                      uint32_t length);
bool clu_prepare_send_zc(clu_ring *ring, uint64_t user_data, clu_file file, const void *buffer,
                         uint32_t length, int32_t place);
bool clu_prepare_recv(clu_ring *ring, uint64_t user_data, clu_file file, void *buffer,
                      uint32_t length, bool wait_all);
bool clu_prepare_discard(clu_ring *ring, uint64_t user_data, clu_file file, uint32_t length);
bool clu_prepare_accept(clu_ring *ring, uint64_t user_data, clu_file file);
bool clu_prepare_connect(clu_ring *ring, uint64_t user_data, clu_file file,
                         const clu_address *address);
// `nanoseconds` from now, or CLOCK_MONOTONIC when absolute. Ends with -ETIME.
bool clu_prepare_timeout(clu_ring *ring, uint64_t user_data, int64_t nanoseconds,
                         bool is_absolute);
bool clu_prepare_poll(clu_ring *ring, uint64_t user_data, clu_file file, bool readable,
                      bool writable);
bool clu_prepare_cancel(clu_ring *ring, uint64_t user_data, uint64_t target_user_data);
bool clu_prepare_cancel_file(clu_ring *ring, uint64_t user_data, clu_file file);
bool clu_prepare_fsync(clu_ring *ring, uint64_t user_data, clu_file file, bool data_only);
// `allocation` is one of these.
#define CLU_RESERVED 0
#define CLU_RESERVED_BEHIND_END 1
#define CLU_HOLE 2
#define CLU_ZEROS 3
bool clu_prepare_fallocate(clu_ring *ring, uint64_t user_data, clu_file file, uint64_t offset,
                           uint64_t length, int32_t allocation);

// ---- Sockets by system call (sockets.c) ------------------------------------------------------

int clu_socket_tcp(uint16_t version);
int clu_socket_bind(int descriptor, const clu_address *address);
int clu_socket_local_address(int descriptor, clu_address *out);
int clu_socket_remote_address(int descriptor, clu_address *out);

// Options whose constants differ between header sets; the others Swift sets by number.
#define CLU_OPTION_NO_DELAY 1
#define CLU_OPTION_NOT_SENT_LOW_WATER 2
#define CLU_OPTION_USER_TIMEOUT 3
#define CLU_OPTION_QUICK_ACK 4
#define CLU_OPTION_SEND_BUFFER 5
#define CLU_OPTION_RECEIVE_BUFFER 6
#define CLU_OPTION_RECEIVE_LOW_WATER 7
#define CLU_OPTION_REUSE_ADDRESS 8
#define CLU_OPTION_V6_ONLY 9
#define CLU_OPTION_RESET_ON_CLOSE 10
#define CLU_OPTION_MAX_SEGMENT 11
#define CLU_OPTION_MAX_PACING_RATE 12
int clu_socket_set(int descriptor, int option, int64_t value);
int clu_socket_set_congestion(int descriptor, const char *name);
// Ties a socket to one interface (SO_BINDTODEVICE); before Linux 5.7 for root only.
int clu_socket_set_device(int descriptor, const char *interface);

// The number of an interface; 0 if there is none of that name.
uint32_t clu_interface_index(const char *interface);
// The first address of that version on an interface, a global one if it has one, with port 0.
// -EADDRNOTAVAIL without one.
int clu_interface_address(const char *interface, uint16_t version, clu_address *out);

// The error that waits on a socket (SO_ERROR, cleared by reading): 0, an errno, or -errno.
int clu_socket_pending_error(int descriptor);
// Bytes in the socket that the peer has not acknowledged (SIOCOUTQ).
int clu_socket_unacknowledged(int descriptor);

// TCP_INFO, in our words. Fields that the kernel does not know are 0.
typedef struct clu_tcp_info {
  uint64_t bytes_acked;
  uint64_t bytes_received;
  uint64_t bytes_sent;
  uint64_t bytes_retransmitted;
  uint64_t delivery_rate;
  uint64_t pacing_rate;
  uint64_t busy_time_us;
  uint64_t receiver_limited_us;
  uint64_t send_buffer_limited_us;
  uint32_t rtt_us;
  uint32_t rtt_variation_us;
  uint32_t min_rtt_us;
  uint32_t send_mss;
  uint32_t congestion_window;
  uint32_t unacked;
  uint32_t total_retransmissions;
  uint32_t not_sent_bytes;
  uint32_t last_received_ms;
  uint32_t last_acknowledged_ms;
  uint8_t state;
  uint8_t probes;
} clu_tcp_info;
int clu_socket_tcp_info(int descriptor, clu_tcp_info *out);

// Text without port, "fe80::1%eth0"; `out` must hold CLU_ADDRESS_TEXT bytes.
#define CLU_ADDRESS_TEXT 64
int clu_address_format(const clu_address *address, char *out);
// Numeric text only; asks no name server.
int clu_address_parse(const char *text, uint16_t port, clu_address *out);
// Looks a name up; returns how many addresses it stored, or an EAI_* code made negative and
// lowered by CLU_RESOLVE_BASE, so that it can be told from an errno.
#define CLU_RESOLVE_BASE 100000
int clu_address_resolve(const char *host, uint16_t port, clu_address *out, uint32_t capacity);
const char *clu_resolve_text(int code);
// Whether no name server answered, so that it may be asked again.
bool clu_resolve_is_temporary(int code);

// ---- Files and disks (storage.c) --------------------------------------------------------------

// Opens the file behind a descriptor once more, past the page cache if direct; -errno where
// that cannot be.
int clu_open_again(int descriptor, bool is_input, bool is_direct);
// Where the next data are from an offset on, before `end`: [*start, *stop), empty at `end` if none
// follow. Moves the position. What cannot tell is all data.
void clu_next_data(int descriptor, uint64_t from, uint64_t end, uint64_t *start, uint64_t *stop);
// When a file was made, in ns since 1970; 0 where the file system does not know (NFS).
uint64_t clu_birth_time(int descriptor);

// ---- A command (command.c) -------------------------------------------------------------------

// Runs `/bin/sh -c text` in a process group of its own, and returns a pidfd, readable when it has
// ended. Either `output` becomes its standard output (its input is /dev/null then), or `input` its
// standard input; the other is -1. The variable `hidden` is not in its environment.
int clu_command_start(const char *text, int input, int output, const char *hidden,
                      int32_t *group);
// The status that it ended with, or the signal that ended it; -EAGAIN while it runs.
int clu_command_status(int descriptor, bool *is_signal);
// Takes its status away, if it has ended, and closes the descriptor.
void clu_command_close(int descriptor);
// SIGTERM, or SIGKILL when forced, to the whole group.
int clu_command_signal(int32_t group, bool is_forced);

// ---- Small things ----------------------------------------------------------------------------

// XXH3, 64 bits, seed 0 (checksum.c).
uint64_t clu_xxh3_64(const void *bytes, size_t length);
// Whether all of them are zero; true for none.
bool clu_is_zero(const void *bytes, size_t length);
// A sum in which each byte counts with its place; of two pieces it is the sum of both, and of zeros
// it is 0 (place_sum.c).
uint64_t clu_place_sum(const void *bytes, size_t length, uint64_t offset);

// Anonymous private memory aligned to 2 MiB and not inherited by fork; 0 or -errno.
int clu_memory_map(size_t length, bool huge_pages, void **out);
void clu_memory_unmap(void *base, size_t length);

// "EPIPE" and "Broken pipe"; a static string, never NULL.
const char *clu_errno_name(int number);
const char *clu_errno_text(int number);

// Blocks SIGINT, SIGTERM and SIGHUP, ignores SIGPIPE, and returns a descriptor that delivers the
// blocked ones (signalfd(2)), or -errno.
int clu_signals_open(void);
// Takes one signal out of that descriptor; 0 if none is pending.
int clu_signals_next(int descriptor);

// Starts a thread that writes to `target`, for as long as that takes, what comes through a pipe of
// `byte_count` bytes; one at a time. Returns the end of the pipe to write to, which does not block,
// or -errno.
int clu_relay_open(int target, int byte_count, uint64_t *thread);
// Ends the pipe, and waits until all is written, at most so many seconds.
void clu_relay_close(int queue, uint64_t thread, int seconds);

// Makes a pipe that no child inherits; or -errno.
int clu_pipe_open(int *reading, int *writing);
// Sets a pipe's capacity; returns the capacity it has afterwards, or -errno when not a pipe.
int clu_pipe_grow(int descriptor, uint32_t byte_count);

#endif
