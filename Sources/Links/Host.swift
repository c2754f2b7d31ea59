internal import Glibc

/// The questions that finding the links asks of a host; a test answers them from recordings.
public protocol HostView: Sendable {
  /// The text of a file of /proc or /sys, by its absolute path; nil if it cannot be read.
  func text(_ path: String) -> String?
  /// Whether a path exists.
  func exists(_ path: String) -> Bool
  /// The running kernel's release, as `uname -r` gives it.
  var kernelRelease: String { get }
  /// The kernel's own route lookup.
  func route(_ query: RouteQuery) throws(LinksError) -> Route
  /// All interfaces of this network namespace.
  func links() throws(LinksError) -> [LinkState]
  /// The Ethernet address of a neighbour, if the kernel knows it by now.
  func neighbour(_ address: IPAddress, interfaceIndex: UInt32) -> MACAddress?
}

/// Why the kernel could not be asked about links or routes.
public enum LinksError: Error, Equatable, Sendable {
  /// A call of the kernel failed; `netlink` answers with the same numbers.
  case system(call: String, errno: Int32)
  /// The kernel's answer could not be read, or was longer than is bearable.
  case malformedAnswer
}

extension LinksError: CustomStringConvertible {
  /// One sentence with the call and the error's number.
  public var description: String {
    switch self {
    case .system(let call, ENETUNREACH): "\(call): no route to the host"
    case .system(let call, let number): "\(call) failed with error \(number)"
    case .malformedAnswer: "the kernel's answer about links could not be read"
    }
  }
}

/// This host, seen through /proc, /sys and netlink.
public struct Host: HostView {
  private let root: String

  /// - Parameter root: the directory that holds `proc` and `sys`, for recorded trees; netlink
  ///   is asked of the running kernel whatever the root.
  public init(root: String = "/") {
    self.root = root.last == "/" ? String(root.dropLast()) : root
  }

  /// Reads a file below the root.
  public func text(_ path: String) -> String? {
    // 64 KiB: /proc/net/bonding has 1 KiB a member, and a bond 64 members at most in practice.
    FileReading.text(root + path, limitBytes: 65536)
  }

  /// Looks below the root.
  public func exists(_ path: String) -> Bool { FileReading.exists(root + path) }

  /// The release that /proc shows.
  public var kernelRelease: String {
    text("/proc/sys/kernel/osrelease")?.firstWord.map(String.init) ?? ""
  }

  /// Asks over a netlink socket of its own.
  public func route(_ query: RouteQuery) throws(LinksError) -> Route {
    let socket = try NetlinkSocket()
    return try socket.route(query)
  }

  /// Asks over a netlink socket of its own.
  public func links() throws(LinksError) -> [LinkState] {
    let socket = try NetlinkSocket()
    return try socket.links()
  }

  /// Asks over a netlink socket of its own; nil also if that fails.
  public func neighbour(_ address: IPAddress, interfaceIndex: UInt32) -> MACAddress? {
    guard let socket = try? NetlinkSocket() else { return nil }
    return try? socket.neighbour(address, interfaceIndex: interfaceIndex)
  }
}
