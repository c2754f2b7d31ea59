// Private: liburing itself, and the constants that are younger than liburing 2.3.
#ifndef CLU_COMPAT_H
#define CLU_COMPAT_H

// liburing 2.6 and later no longer define it themselves; strerrorname_np and accept4 need it too.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <liburing.h>
#include <netinet/in.h>

#include "CLiburing.h"

// Macros of liburing 2.4 (kernel 6.2, and 6.1 stable); values are ABI.
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#endif
#ifndef IORING_NOTIF_USAGE_ZC_COPIED
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

// Enum members cannot be tested with #ifdef, so probing goes by number (the values are ABI).
#define CLU_OP_SOCKET 45
#define CLU_OP_SEND_ZC 47

// A time or an address must stay readable until the operation is submitted. It lives beside the
// entry: an entry is reused only after the kernel took it (FEAT_SUBMIT_STABLE, kernel 5.5).
union clu_scratch {
  struct __kernel_timespec time;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

struct clu_ring {
  struct io_uring ring;
  union clu_scratch *scratch;
  uint32_t features;
  uint32_t executing;
  bool has_buffers;
  bool has_files;
};

// Fills a socket address; returns its length.
socklen_t clu_address_to_kernel(const clu_address *address, union clu_scratch *out);

#endif
