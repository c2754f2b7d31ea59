internal import CLiburing

/// An IP address and a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The Internet Protocol's version.
  public enum Family: UInt16, Hashable, Sendable {
    /// IPv4.
    case v4 = 4
    /// IPv6.
    case v6 = 6
  }

  /// Version 4 or 6.
  public let family: Family
  /// The address as one number; IPv4 uses the low 32 bits.
  public let bits: UInt128
  /// The TCP port, 0: the kernel chooses.
  public var port: UInt16
  /// The interface index that a link-local IPv6 address needs; else 0.
  public let scope: UInt32

  /// Makes an IPv4 address; 127.0.0.1 is `0x7f00_0001`.
  public init(v4 bits: UInt32, port: UInt16) {
    family = .v4
    self.bits = UInt128(bits)
    self.port = port
    scope = 0
  }

  /// Makes an IPv6 address; ::1 is 1.
  public init(v6 bits: UInt128, port: UInt16, scope: UInt32 = 0) {
    family = .v6
    self.bits = bits
    self.port = port
    self.scope = scope
  }

  /// Reads a numeric address without port or brackets, "192.0.2.1" or "fe80::1%eth0"; else nil.
  public init?(_ text: String, port: UInt16) {
    var kernel = clu_address()
    guard unsafe clu_address_parse(text, port, &kernel) == 0 else { return nil }
    self.init(kernel)
  }

  /// The same address with another port.
  public func with(port: UInt16) -> Self {
    var other = self
    other.port = port
    return other
  }

  /// The address's 4 or 16 bytes as they stand on the wire.
  public var bytes: [UInt8] {
    let count = family == .v4 ? 4 : 16
    return (0..<count).map { UInt8(truncatingIfNeeded: bits >> (8 * (count - 1 - $0))) }
  }

  /// Whether packets never leave this machine: 127.0.0.0/8, ::1, also as ::ffff:127.0.0.0/104.
  public var isLoopback: Bool {
    switch family {
    case .v4: bits >> 24 == 127
    case .v6: bits == 1 || bits >> 24 == 0xffff7f
    }
  }

  /// Whether it is of the kind that every IPv6 interface gives itself, fe80::/10: it says nothing
  /// without an interface (RFC 4007, section 6).
  public var isLinkLocal: Bool { family == .v6 && bits >> 118 == 0xfe80 >> 6 }

  /// The address that listens on every interface.
  public static func any(_ family: Family, port: UInt16) -> Self {
    switch family {
    case .v4: Self(v4: 0, port: port)
    case .v6: Self(v6: 0, port: port)
    }
  }

  /// The address without its port, such as "192.0.2.1" or "fe80::1%eth0".
  public var host: String {
    var kernel = self.kernel
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CLU_ADDRESS_TEXT)) {
      guard let text = $0.baseAddress, unsafe clu_address_format(&kernel, text) == 0 else {
        return "?"
      }
      return unsafe String(cString: text)
    }
  }

  /// Address and port, "192.0.2.1:27243" or "[2001:db8::1]:27243".
  public var description: String {
    family == .v4 ? "\(host):\(port)" : "[\(host)]:\(port)"
  }

  init(_ kernel: clu_address) {
    let bits = UInt128(kernel.high) << 64 | UInt128(kernel.low)
    if kernel.version == Family.v4.rawValue {
      self.init(v4: UInt32(truncatingIfNeeded: bits), port: kernel.port)
    } else {
      self.init(v6: bits, port: kernel.port, scope: kernel.scope)
    }
  }

  var kernel: clu_address {
    clu_address(
      high: UInt64(truncatingIfNeeded: bits >> 64),
      low: UInt64(truncatingIfNeeded: bits),
      scope: scope,
      port: port,
      version: family.rawValue
    )
  }
}

// MARK: - Interfaces

extension SocketAddress {
  /// The number of an interface; nil if there is none of that name.
  public static func interfaceIndex(_ name: String) -> UInt32? {
    let index = unsafe clu_interface_index(name)
    return index == 0 ? nil : index
  }

  /// An address of an interface, with port 0; a global one if it has one, nil if it has none.
  public static func ofInterface(_ name: String, _ family: Family) -> Self? {
    var kernel = clu_address()
    guard unsafe clu_interface_address(name, family.rawValue, &kernel) == 0 else { return nil }
    return Self(kernel)
  }
}

// MARK: - Names

/// Why a name has no address.
public struct ResolveError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was looked up.
  public let host: String
  /// The resolver's sentence.
  public let reason: String
  /// Whether there was no answer, so that asking again may help (EAI_AGAIN, getaddrinfo(3)).
  public let isTemporary: Bool

  /// One sentence.
  public var description: String {
    "cannot find the address of \(host): \(reason). Check the name, or give an IP address."
  }
}

extension SocketAddress {
  /// More addresses than one host sensibly has.
  private static let resolveLimit = 64

  /// Looks a name or numeric address up, in the resolver's order of preference.
  ///
  /// Blocks, for seconds when a name server is slow.
  /// - Throws: `ResolveError` when there is no such name or no answer.
  public static func resolve(_ host: String, port: UInt16) throws(ResolveError) -> [Self] {
    var found = [clu_address](repeating: clu_address(), count: resolveLimit)
    let count = unsafe clu_address_resolve(host, port, &found, UInt32(resolveLimit))
    guard count > 0 else {
      let reason =
        if count == 0 {
          "it has no IP address"
        } else if count <= -CLU_RESOLVE_BASE {
          unsafe String(cString: clu_resolve_text(count))
        } else {
          Errno(-count).description
        }
      throw ResolveError(host: host, reason: reason, isTemporary: clu_resolve_is_temporary(count))
    }
    var addresses: [Self] = []
    for kernel in found.prefix(Int(count)) {
      let address = Self(kernel)
      if !addresses.contains(address) { addresses.append(address) }
    }
    return addresses
  }
}
