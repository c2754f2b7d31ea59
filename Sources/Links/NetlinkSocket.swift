internal import Glibc

/// A socket to the kernel's routing subsystem, of the network namespace it was opened in.
///
/// The kernel answers inside the call that asks, so nothing here waits in practice; a second
/// bounds what should never happen. Keep one open to read counters often: 16 links cost one
/// send and 16 receives.
public struct NetlinkSocket: ~Copyable {
  private let descriptor: Int32

  /// Opens the socket.
  public init() throws(LinksError) {
    descriptor = Glibc.socket(
      AF_NETLINK,
      Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
      0  // NETLINK_ROUTE
    )
    guard descriptor >= 0 else { throw .system(call: "socket(AF_NETLINK)", errno: errno) }
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == 0 else {
      let number = errno
      _ = close(descriptor)
      throw .system(call: "setsockopt(SO_RCVTIMEO)", errno: number)
    }
  }

  deinit { _ = close(descriptor) }

  /// Asks how a connection would be routed.
  public func route(_ query: RouteQuery) throws(LinksError) -> Route {
    let answers = try exchange(query.message(sequence: 1), answers: 1)
    guard let first = answers.first, first.type == Netlink.newRoute,
      let route = Route(body: first.body)
    else { throw .malformedAnswer }
    return route
  }

  /// Lists all interfaces.
  public func links() throws(LinksError) -> [LinkState] {
    let answers = try exchange(LinkState.dumpMessage(sequence: 1), answers: nil)
    return answers.filter { $0.type == Netlink.newLink }.compactMap { LinkState(body: $0.body) }
  }

  /// Reads the byte counters of these interfaces; ones that have gone are left out.
  public func counters(
    interfaceIndices: some Sequence<UInt32>
  ) throws(LinksError) -> [LinkCounters] {
    var request: [UInt8] = []
    var count: UInt32 = 0
    for index in interfaceIndices {
      count += 1
      request += LinkCounters.message(interfaceIndex: index, sequence: count)
    }
    guard count > 0 else { return [] }
    let answers = try exchange(request, answers: Int(count), skipsErrors: true)
    return answers.compactMap { LinkCounters(body: $0.body) }
  }

  /// Reads a neighbour's Ethernet address.
  func neighbour(
    _ address: IPAddress,
    interfaceIndex: UInt32
  ) throws(LinksError) -> MACAddress? {
    let message = Neighbour.message(address, interfaceIndex: interfaceIndex, sequence: 1)
    let answers = try exchange(message, answers: 1)
    return answers.first.flatMap { Neighbour.address(body: $0.body) }
  }

  /// Sends requests and gathers the answers: so many of them, or all until "done" if nil.
  private func exchange(
    _ request: [UInt8],
    answers wanted: Int?,
    skipsErrors: Bool = false
  ) throws(LinksError) -> [NetlinkMessage] {
    let sent = unsafe request.withUnsafeBytes {
      unsafe send(descriptor, $0.baseAddress, $0.count, 0)
    }
    guard sent == request.count else { throw .system(call: "send(netlink)", errno: errno) }
    var messages: [NetlinkMessage] = []
    var errors = 0
    // 4096 datagrams of 32 KiB: some 50,000 interfaces, which no host has.
    for _ in 0..<4096 {
      let datagram = try receive()
      guard let parsed = NetlinkMessage.parse(datagram[...]) else { throw .malformedAnswer }
      for message in parsed {
        if message.type == Netlink.done { return messages }
        if let number = message.errorNumber {
          guard skipsErrors else { throw .system(call: "netlink", errno: -number) }
          errors += 1
        } else {
          messages.append(message)
        }
      }
      if let wanted, messages.count + errors >= wanted { return messages }
    }
    throw .malformedAnswer
  }

  private func receive() throws(LinksError) -> [UInt8] {
    // 32 KiB is the most that the kernel puts into one datagram of a dump (NLMSG_GOODSIZE).
    var buffer = [UInt8](repeating: 0, count: 32768)
    // A signal may interrupt the wait; 8 in a row have another cause.
    for _ in 0..<8 {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_TRUNC))
      }
      if count > buffer.count { throw .malformedAnswer }
      if count >= 0 { return Array(buffer.prefix(count)) }
      if errno != EINTR { break }
    }
    throw .system(call: "recv(netlink)", errno: errno)
  }
}

/// Reads small files of /proc and /sys.
enum FileReading {
  /// The file's text up to the limit; nil if it cannot be read.
  static func text(_ path: String, limitBytes: Int) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var text = [UInt8](repeating: 0, count: limitBytes)
    var filled = 0
    // The kernel hands out a page at a time at least, so this many reads fill the limit.
    for _ in 0..<max(limitBytes / 1024, 1) where filled < limitBytes {
      let count = unsafe text.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress?.advanced(by: filled), limitBytes - filled)
      }
      // Some files of sysfs answer reads with EINVAL while an interface is down.
      guard count >= 0 else { return nil }
      if count == 0 { break }
      filled += count
    }
    return String(decoding: text.prefix(filled), as: UTF8.self)
  }

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}
