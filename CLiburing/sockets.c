// Sockets by system call: addresses, options, state. Plain values in and out.
#include "compat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t load64(const uint8_t *bytes) {
  uint64_t value = 0;
  for (int index = 0; index < 8; index++) value = value << 8 | bytes[index];
  return value;
}

static void store64(uint8_t *bytes, uint64_t value) {
  for (int index = 7; index >= 0; index--, value >>= 8) bytes[index] = (uint8_t)value;
}

socklen_t clu_address_to_kernel(const clu_address *address, union clu_scratch *out) {
  memset(out, 0, sizeof *out);
  if (address->version == 4) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(address->port);
    out->v4.sin_addr.s_addr = htonl((uint32_t)address->low);
    return sizeof out->v4;
  }
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons(address->port);
  out->v6.sin6_scope_id = address->scope;
  store64(out->v6.sin6_addr.s6_addr, address->high);
  store64(out->v6.sin6_addr.s6_addr + 8, address->low);
  return sizeof out->v6;
}

static int address_from_kernel(const struct sockaddr *from, clu_address *out) {
  memset(out, 0, sizeof *out);
  if (from->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, from, sizeof v4);
    out->version = 4;
    out->port = ntohs(v4.sin_port);
    out->low = ntohl(v4.sin_addr.s_addr);
    return 0;
  }
  if (from->sa_family != AF_INET6) return -EAFNOSUPPORT;
  struct sockaddr_in6 v6;
  memcpy(&v6, from, sizeof v6);
  out->version = 6;
  out->port = ntohs(v6.sin6_port);
  out->scope = v6.sin6_scope_id;
  out->high = load64(v6.sin6_addr.s6_addr);
  out->low = load64(v6.sin6_addr.s6_addr + 8);
  return 0;
}

// Blocking on purpose: the ring does the waiting (see clu_prepare_accept).
int clu_socket_tcp(uint16_t version) {
  int family = version == 4 ? AF_INET : AF_INET6;
  int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  return descriptor < 0 ? -errno : descriptor;
}

int clu_socket_bind(int descriptor, const clu_address *address) {
  union clu_scratch scratch;
  socklen_t length = clu_address_to_kernel(address, &scratch);
  return bind(descriptor, (struct sockaddr *)&scratch, length) < 0 ? -errno : 0;
}

typedef int name_call(int, struct sockaddr *, socklen_t *);

static int ask_address(int descriptor, clu_address *out, name_call *call) {
  struct sockaddr_storage storage;
  memset(&storage, 0, sizeof storage);
  socklen_t length = sizeof storage;
  if (call(descriptor, (struct sockaddr *)&storage, &length) < 0) return -errno;
  return address_from_kernel((struct sockaddr *)&storage, out);
}

int clu_socket_local_address(int descriptor, clu_address *out) {
  return ask_address(descriptor, out, getsockname);
}

int clu_socket_remote_address(int descriptor, clu_address *out) {
  return ask_address(descriptor, out, getpeername);
}

static bool name_option(int option, int *level, int *name) {
  static const struct {
    int level, name;
  } names[] = {
      [CLU_OPTION_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
      [CLU_OPTION_NOT_SENT_LOW_WATER] = {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
      [CLU_OPTION_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT},
      [CLU_OPTION_QUICK_ACK] = {IPPROTO_TCP, TCP_QUICKACK},
      [CLU_OPTION_SEND_BUFFER] = {SOL_SOCKET, SO_SNDBUF},
      [CLU_OPTION_RECEIVE_BUFFER] = {SOL_SOCKET, SO_RCVBUF},
      [CLU_OPTION_RECEIVE_LOW_WATER] = {SOL_SOCKET, SO_RCVLOWAT},
      [CLU_OPTION_REUSE_ADDRESS] = {SOL_SOCKET, SO_REUSEADDR},
      [CLU_OPTION_V6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
      [CLU_OPTION_RESET_ON_CLOSE] = {SOL_SOCKET, SO_LINGER},
      [CLU_OPTION_MAX_SEGMENT] = {IPPROTO_TCP, TCP_MAXSEG},
      [CLU_OPTION_MAX_PACING_RATE] = {SOL_SOCKET, SO_MAX_PACING_RATE},
  };
  if (option < 1 || (size_t)option >= sizeof names / sizeof names[0]) return false;
  *level = names[option].level;
  *name = names[option].name;
  return true;
}

int clu_socket_set(int descriptor, int option, int64_t value) {
  int level, name;
  if (!name_option(option, &level, &name)) return -ENOPROTOOPT;
  struct linger reset = {1, 0};  // socket(7): a zero time makes close(2) send RST.
  uint64_t rate = (uint64_t)value;
  int number = (int)value;
  const void *data = &number;
  socklen_t length = sizeof number;
  if (option == CLU_OPTION_RESET_ON_CLOSE) {
    reset.l_onoff = value != 0;
    data = &reset;
    length = sizeof reset;
  } else if (option == CLU_OPTION_MAX_PACING_RATE) {
    data = &rate;  // 64 bits since 4.20, socket(7).
    length = sizeof rate;
  }
  return setsockopt(descriptor, level, name, data, length) < 0 ? -errno : 0;
}

int clu_socket_set_congestion(int descriptor, const char *name) {
  socklen_t length = (socklen_t)strlen(name);
  return setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name, length) < 0 ? -errno : 0;
}

int clu_socket_set_device(int descriptor, const char *interface) {
  socklen_t length = (socklen_t)strlen(interface);
  return setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface, length) < 0 ? -errno : 0;
}

uint32_t clu_interface_index(const char *interface) { return if_nametoindex(interface); }

int clu_interface_address(const char *interface, uint16_t version, clu_address *out) {
  struct ifaddrs *all = NULL;
  if (getifaddrs(&all) < 0) return -errno;
  int result = -EADDRNOTAVAIL;
  for (const struct ifaddrs *each = all; each != NULL; each = each->ifa_next) {
    if (each->ifa_addr == NULL || strcmp(each->ifa_name, interface) != 0) continue;
    if (each->ifa_addr->sa_family != (version == 4 ? AF_INET : AF_INET6)) continue;
    clu_address address;
    if (address_from_kernel(each->ifa_addr, &address) < 0) continue;
    // The scope is set for link-local addresses only.
    bool is_global = address.scope == 0;
    if (result == 0 && !is_global) continue;
    *out = address;
    result = 0;
    if (is_global) break;
  }
  freeifaddrs(all);
  return result;
}

int clu_socket_pending_error(int descriptor) {
  int number = 0;
  socklen_t length = sizeof number;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) < 0) return -errno;
  return number;
}

int clu_socket_unacknowledged(int descriptor) {
  int count = 0;
  return ioctl(descriptor, SIOCOUTQ, &count) < 0 ? -errno : count;
}

int clu_socket_tcp_info(int descriptor, clu_tcp_info *out) {
  struct tcp_info info;
  memset(&info, 0, sizeof info);  // An older kernel fills less; the rest stays 0.
  socklen_t length = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return -errno;
  *out = (clu_tcp_info){
      .bytes_acked = info.tcpi_bytes_acked,
      .bytes_received = info.tcpi_bytes_received,
      .bytes_sent = info.tcpi_bytes_sent,
      .bytes_retransmitted = info.tcpi_bytes_retrans,
      .delivery_rate = info.tcpi_delivery_rate,
      .pacing_rate = info.tcpi_pacing_rate,
      .busy_time_us = info.tcpi_busy_time,
      .receiver_limited_us = info.tcpi_rwnd_limited,
      .send_buffer_limited_us = info.tcpi_sndbuf_limited,
      .rtt_us = info.tcpi_rtt,
      .rtt_variation_us = info.tcpi_rttvar,
      .min_rtt_us = info.tcpi_min_rtt,
      .send_mss = info.tcpi_snd_mss,
      .congestion_window = info.tcpi_snd_cwnd,
      .unacked = info.tcpi_unacked,
      .total_retransmissions = info.tcpi_total_retrans,
      .not_sent_bytes = info.tcpi_notsent_bytes,
      .last_received_ms = info.tcpi_last_data_recv,
      .last_acknowledged_ms = info.tcpi_last_ack_recv,
      .probes = info.tcpi_probes,
      .state = info.tcpi_state,
  };
  return 0;
}

int clu_address_format(const clu_address *address, char *out) {
  union clu_scratch scratch;
  clu_address_to_kernel(address, &scratch);
  const void *bytes = &scratch.v6.sin6_addr;
  int family = AF_INET6;
  if (address->version == 4) {
    bytes = &scratch.v4.sin_addr;
    family = AF_INET;
  }
  if (inet_ntop(family, bytes, out, CLU_ADDRESS_TEXT) == NULL) return -errno;
  if (address->version == 6 && address->scope != 0) {
    char name[IF_NAMESIZE];
    size_t used = strlen(out);
    if (if_indextoname(address->scope, name) == NULL) {
      snprintf(name, sizeof name, "%u", address->scope);
    }
    snprintf(out + used, CLU_ADDRESS_TEXT - used, "%%%s", name);
  }
  return 0;
}

static int look_up(const char *host, uint16_t port, int family, int flags, clu_address *out,
                   uint32_t capacity) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  hints.ai_flags = flags | AI_NUMERICSERV;
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo *list = NULL;
  int code = getaddrinfo(host, service, &hints, &list);
  if (code == EAI_SYSTEM) return -errno;
  if (code != 0) return -CLU_RESOLVE_BASE - (code < 0 ? -code : code);
  uint32_t count = 0;
  for (struct addrinfo *one = list; one != NULL && count < capacity; one = one->ai_next) {
    if (address_from_kernel(one->ai_addr, &out[count]) == 0) count++;
  }
  freeaddrinfo(list);
  return (int)count;
}

int clu_address_parse(const char *text, uint16_t port, clu_address *out) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  // getaddrinfo would also read "1.2.3" as 1.2.0.3; for IPv6 it is needed for the scope.
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    return address_from_kernel((struct sockaddr *)&v4, out);
  }
  return look_up(text, port, AF_INET6, AI_NUMERICHOST, out, 1) == 1 ? 0 : -EINVAL;
}

int clu_address_resolve(const char *host, uint16_t port, clu_address *out, uint32_t capacity) {
  // ADDRCONFIG would hide ::1 and 127.0.0.1 on a machine without network, so it is not set.
  return look_up(host, port, AF_UNSPEC, 0, out, capacity);
}

const char *clu_resolve_text(int code) { return gai_strerror(code + CLU_RESOLVE_BASE); }

bool clu_resolve_is_temporary(int code) { return code + CLU_RESOLVE_BASE == EAI_AGAIN; }

const char *clu_errno_name(int number) {
  const char *name = strerrorname_np(number);
  return name != NULL ? name : "E?";
}

const char *clu_errno_text(int number) {
  const char *text = strerrordesc_np(number);
  return text != NULL ? text : "Unknown error";
}

int clu_pipe_open(int *reading, int *writing) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
  *reading = ends[0];
  *writing = ends[1];
  return 0;
}

// pipe(7): above /proc/sys/fs/pipe-max-size only the privileged may go, and each user has a quota;
// a smaller pipe still works.
int clu_pipe_grow(int descriptor, uint32_t byte_count) {
  int capacity = fcntl(descriptor, F_GETPIPE_SZ);
  if (capacity < 0) return -errno;
  if ((uint32_t)capacity >= byte_count) return capacity;
  int grown = fcntl(descriptor, F_SETPIPE_SZ, byte_count);
  return grown < 0 ? capacity : grown;
}
