internal import CLiburing
internal import Glibc

/// A socket option that we set, with its value.
public enum SocketOption: Hashable, Sendable {
  /// TCP_NODELAY: send small segments at once.
  case noDelay(Bool)
  /// TCP_NOTSENT_LOWAT, bytes: a slow connection takes no more frames than this ahead.
  case notSentLowWater(Int)
  /// TCP_USER_TIMEOUT: give a silent peer up after this time, whole milliseconds.
  case userTimeout(Duration)
  /// TCP_QUICKACK: acknowledge at once for now; the kernel takes it back by itself.
  case quickAcknowledgement(Bool)
  /// TCP_CONGESTION: "cubic", "bbr"...
  ///
  /// `Errno.noEntry` when the kernel does not have it, `Errno.notPermitted` when this user may not.
  case congestionControl(String)
  /// SO_BINDTODEVICE: send and receive over this interface only; before Linux 5.7 for root.
  case device(String)
  /// TCP_MAXSEG, bytes.
  case maximumSegment(Int)
  /// SO_MAX_PACING_RATE, bytes per second.
  case maximumPacingRate(UInt64)
  /// SO_SNDBUF, bytes; turns the kernel's own tuning off.
  case sendBuffer(Int)
  /// SO_RCVBUF, bytes; turns the kernel's own tuning off.
  case receiveBuffer(Int)
  /// SO_RCVLOWAT, bytes: wake a receiver only when this much is there.
  case receiveLowWater(Int)
  /// SO_REUSEADDR: listen although old connections linger.
  case reuseAddress(Bool)
  /// IPV6_V6ONLY: an IPv6 listener that takes no IPv4.
  case v6Only(Bool)
  /// SO_LINGER with time 0: close(2) resets the connection and frees what is unsent.
  case resetOnClose(Bool)

  fileprivate func set(on descriptor: Int32) -> Int32 {
    switch self {
    case .noDelay(let isOn): number(descriptor, CLU_OPTION_NO_DELAY, isOn ? 1 : 0)
    case .notSentLowWater(let count): number(descriptor, CLU_OPTION_NOT_SENT_LOW_WATER, count)
    case .userTimeout(let time):
      number(descriptor, CLU_OPTION_USER_TIMEOUT, Int(time.clampedNanoseconds / 1_000_000))
    case .quickAcknowledgement(let isOn):
      number(descriptor, CLU_OPTION_QUICK_ACK, isOn ? 1 : 0)
    case .congestionControl(let name): unsafe clu_socket_set_congestion(descriptor, name)
    case .device(let name): unsafe clu_socket_set_device(descriptor, name)
    case .maximumSegment(let count): number(descriptor, CLU_OPTION_MAX_SEGMENT, count)
    case .maximumPacingRate(let rate):
      clu_socket_set(descriptor, CLU_OPTION_MAX_PACING_RATE, Int64(bitPattern: rate))
    case .sendBuffer(let count): number(descriptor, CLU_OPTION_SEND_BUFFER, count)
    case .receiveBuffer(let count): number(descriptor, CLU_OPTION_RECEIVE_BUFFER, count)
    case .receiveLowWater(let count): number(descriptor, CLU_OPTION_RECEIVE_LOW_WATER, count)
    case .reuseAddress(let isOn): number(descriptor, CLU_OPTION_REUSE_ADDRESS, isOn ? 1 : 0)
    case .v6Only(let isOn): number(descriptor, CLU_OPTION_V6_ONLY, isOn ? 1 : 0)
    case .resetOnClose(let isOn): number(descriptor, CLU_OPTION_RESET_ON_CLOSE, isOn ? 1 : 0)
    }
  }

  /// The kernel takes an int: larger wishes become the largest.
  private func number(_ descriptor: Int32, _ option: Int32, _ value: Int) -> Int32 {
    clu_socket_set(descriptor, option, Int64(min(value, Int(Int32.max))))
  }
}

/// TCP sockets by system call: everything that needs no waiting.
///
/// Functions take the number of an open socket, because most callers keep the owner in a table.
public enum Socket {
  /// Makes a TCP socket; blocking, as the ring wants it, and not inherited by children.
  public static func tcp(_ family: SocketAddress.Family) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try check(clu_socket_tcp(family.rawValue)))
  }

  /// Gives a socket its local address; port 0 lets the kernel choose.
  public static func bind(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
    var kernel = address.kernel
    try check(unsafe clu_socket_bind(descriptor, &kernel))
  }

  /// Makes a socket accept connections; the kernel caps the backlog at net.core.somaxconn.
  public static func listen(_ descriptor: Int32, backlog: Int32 = 128) throws(Errno) {
    if Glibc.listen(descriptor, backlog) != 0 { throw Errno(errno) }
  }

  /// Sets an option.
  public static func set(_ option: SocketOption, on descriptor: Int32) throws(Errno) {
    try check(option.set(on: descriptor))
  }

  /// The address that a socket has here.
  public static func localAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
    var kernel = clu_address()
    try check(unsafe clu_socket_local_address(descriptor, &kernel))
    return SocketAddress(kernel)
  }

  /// The address of the peer; `Errno.notConnected` without one.
  public static func remoteAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
    var kernel = clu_address()
    try check(unsafe clu_socket_remote_address(descriptor, &kernel))
    return SocketAddress(kernel)
  }

  /// A direction to end.
  public enum Direction: Sendable {
    /// The peer reads the end; we can still receive.
    case sending
    /// Receives end at once.
    case receiving
    /// Both.
    case both
  }

  /// Ends one direction or both; works on a registered socket too, unlike close(2).
  public static func shutdown(_ descriptor: Int32, _ direction: Direction) throws(Errno) {
    let how =
      switch direction {
      case .sending: Int32(SHUT_WR)
      case .receiving: Int32(SHUT_RD)
      case .both: Int32(SHUT_RDWR)
      }
    if Glibc.shutdown(descriptor, how) != 0 { throw Errno(errno) }
  }

  /// Takes the error that waits on a socket; nil when there is none.
  public static func pendingError(_ descriptor: Int32) -> Errno? {
    let number = clu_socket_pending_error(descriptor)
    return number == 0 ? nil : Errno(abs(number))
  }

  /// Bytes sent or to be sent that the peer has not acknowledged (SIOCOUTQ).
  public static func unacknowledgedByteCount(_ descriptor: Int32) throws(Errno) -> Int {
    Int(try check(clu_socket_unacknowledged(descriptor)))
  }
}

/// Pipes by system call.
public enum Pipe {
  /// Makes a pipe whose ends no child inherits.
  ///
  /// - Returns: descriptors that the caller closes.
  /// - Throws: what pipe2(2) says, such as EMFILE.
  public static func open() throws(Errno) -> (reading: Int32, writing: Int32) {
    var (reading, writing) = (Int32(-1), Int32(-1))
    try check(unsafe clu_pipe_open(&reading, &writing))
    return (reading, writing)
  }

  /// Asks for a larger pipe; returns the capacity in bytes that it has, nil when it is no pipe.
  ///
  /// Not getting it is no error: limits are per user and a small pipe still works.
  public static func grow(_ descriptor: Int32, to byteCount: Int) -> Int? {
    let capacity = clu_pipe_grow(descriptor, UInt32(clamping: min(byteCount, Int(Int32.max))))
    return capacity < 0 ? nil : Int(capacity)
  }
}
