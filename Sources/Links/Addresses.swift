/// An IPv4 or IPv6 address, held as its bytes in network order.
public enum IPAddress: Equatable, Hashable, Sendable {
  /// The address as a number, first byte most significant: 10.0.0.1 is `0x0a00_0001`.
  case v4(UInt32)
  /// The first and the second eight bytes as numbers, first byte most significant.
  case v6(UInt64, UInt64)

  /// Takes 4 or 16 bytes in network order, as `sockaddr` and netlink carry them.
  ///
  /// Nil for any other count. IPv4 in IPv6 (`::ffff:a.b.c.d`) becomes IPv4, since that is what
  /// such a socket sends and what the kernel hashes.
  public init?(bytes: [UInt8]) {
    switch bytes.count {
    case 4:
      self = .v4(UInt32(truncatingIfNeeded: Self.number(bytes[...])))
    case 16:
      let high = Self.number(bytes[0..<8])
      let low = Self.number(bytes[8..<16])
      let mapped = high == 0 && low >> 32 == 0xffff
      self = mapped ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high, low)
    default:
      return nil
    }
  }

  /// The bytes in network order: 4 or 16.
  public var bytes: [UInt8] {
    switch self {
    case .v4(let number):
      (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
    case .v6(let high, let low):
      [high, low].flatMap { half in
        (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
      }
    }
  }

  /// Whether it stays on this host: 127.0.0.0/8 or ::1.
  public var isLoopback: Bool {
    switch self {
    case .v4(let number): number >> 24 == 127
    case .v6(let high, let low): high == 0 && low == 1
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension IPAddress: LosslessStringConvertible {
  /// Reads dotted IPv4 or colon IPv6 without zone and without embedded dots.
  public init?(_ description: String) {
    guard description.contains(":") else {
      let parts = description.split(separator: ".", omittingEmptySubsequences: false)
      let bytes = parts.compactMap { UInt8($0) }
      guard parts.count == 4, bytes.count == 4 else { return nil }
      self.init(bytes: bytes)
      return
    }
    let halves = Self.halves(description)
    let groups = halves.map { half in half.map { UInt16($0, radix: 16) } }
    guard halves.count <= 2, !groups.joined().contains(nil) else { return nil }
    let known = groups.map { $0.compactMap { $0 } }
    let count = known.joined().count
    guard halves.count == 2 ? count < 8 : count == 8 else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - count)
    let all = known[0] + zeros + (known.count == 2 ? known[1] : [])
    self.init(bytes: all.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8($0 & 0xff)] })
  }

  /// Dotted IPv4, or IPv6 with the longest run of zero groups shortened (RFC 5952).
  public var description: String {
    let bytes = bytes
    guard bytes.count == 16 else { return bytes.map(String.init).joined(separator: ".") }
    let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
    var best = 0..<0
    var start = 0
    while start < 8 {
      let end = groups[start...].firstIndex { $0 != 0 } ?? 8
      if end - start > max(best.count, 1) { best = start..<end }
      start = end + 1
    }
    func text(_ slice: ArraySlice<UInt16>) -> String {
      slice.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return text(groups[...]) }
    return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
  }

  /// The groups before and after `::`, or one list where there is none.
  private static func halves(_ text: String) -> [[Substring]] {
    var halves: [[Substring]] = [[]]
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      let edge = index == 0 || index == parts.count - 1
      switch (part.isEmpty, edge) {
      case (false, _): halves[halves.count - 1].append(part)
      case (true, false): halves.append([])
      // "::1" starts with two empty parts, "1::" ends with two: the outer one means nothing.
      case (true, true):
        let inner = index == 0 ? parts.dropFirst().first : parts.dropLast().last
        if inner?.isEmpty != true { return [[], [], []] }
      }
    }
    return halves
  }
}

/// An Ethernet address, six bytes.
public struct MACAddress: Equatable, Hashable, Sendable {
  /// The bytes as they stand on the wire; always six.
  public let bytes: [UInt8]

  /// Takes six bytes; nil for any other count.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 6 else { return nil }
    self.bytes = bytes
  }

  /// Whether all bytes are zero, which LACP shows for a partner that never answered.
  public var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
}

extension MACAddress: LosslessStringConvertible {
  /// Reads six hexadecimal bytes with colons between.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0, radix: 16) }
    guard parts.count == bytes.count else { return nil }
    self.init(bytes: bytes)
  }

  /// Six lowercase hexadecimal bytes with colons between.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
