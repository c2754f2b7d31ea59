/// One netlink message: `struct nlmsghdr` (linux/netlink.h) and what follows it.
struct NetlinkMessage: Equatable {
  /// `RTM_…` or, below 16, one of netlink's own.
  var type: UInt16
  var flags: UInt16
  var sequence: UInt32
  /// Everything after the header.
  var body: ArraySlice<UInt8>

  /// Bytes of `struct nlmsghdr`, `NLMSG_HDRLEN`.
  static let headerBytes = 16

  /// The datagram's messages; nil if a length does not fit, which the kernel never sends.
  static func parse(_ datagram: ArraySlice<UInt8>) -> [NetlinkMessage]? {
    var rest = datagram
    var messages: [NetlinkMessage] = []
    while rest.count >= headerBytes {
      let length = Int(rest.number32(at: 0))
      guard length >= headerBytes, length <= rest.count else { return nil }
      messages.append(
        NetlinkMessage(
          type: rest.number16(at: 4),
          flags: rest.number16(at: 6),
          sequence: rest.number32(at: 8),
          body: rest.dropFirst(headerBytes).prefix(length - headerBytes)
        )
      )
      rest = rest.dropFirst(aligned(length))
    }
    return messages
  }

  /// The message as bytes, padded to four.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(Self.headerBytes + body.count))
    bytes.append(number: type)
    bytes.append(number: flags)
    bytes.append(number: sequence)
    bytes.append(number: UInt32(0))
    bytes.append(contentsOf: body)
    bytes.padToFour()
    return bytes
  }

  /// `NLMSG_ALIGN` and `RTA_ALIGN`.
  static func aligned(_ count: Int) -> Int { (count + 3) & ~3 }

  /// The negative errno of an `NLMSG_ERROR`; zero is an acknowledgement.
  var errorNumber: Int32? {
    guard type == Netlink.error, body.count >= 4 else { return nil }
    return Int32(bitPattern: body.number32(at: 0))
  }
}

/// One attribute: `struct rtattr` (linux/rtnetlink.h) and its payload.
struct NetlinkAttribute: Equatable {
  var type: UInt16
  var payload: ArraySlice<UInt8>

  /// The attributes in a row; stops at the first whose length does not fit.
  static func parse(_ bytes: ArraySlice<UInt8>) -> [NetlinkAttribute] {
    var rest = bytes
    var attributes: [NetlinkAttribute] = []
    while rest.count >= 4 {
      let length = Int(rest.number16(at: 0))
      guard length >= 4, length <= rest.count else { break }
      // The two highest bits are NLA_F_NESTED and NLA_F_NET_BYTEORDER.
      let type = rest.number16(at: 2) & 0x3fff
      attributes.append(
        NetlinkAttribute(type: type, payload: rest.dropFirst(4).prefix(length - 4))
      )
      rest = rest.dropFirst(NetlinkMessage.aligned(length))
    }
    return attributes
  }
}

/// Numbers of linux/netlink.h, linux/rtnetlink.h and linux/if_link.h.
enum Netlink {
  static let error: UInt16 = 2
  static let done: UInt16 = 3
  static let newLink: UInt16 = 16
  static let getLink: UInt16 = 18
  static let newRoute: UInt16 = 24
  static let getRoute: UInt16 = 26
  static let newNeighbour: UInt16 = 28
  static let getNeighbour: UInt16 = 30
  static let newStatistics: UInt16 = 92
  static let getStatistics: UInt16 = 94
  static let flagRequest: UInt16 = 1
  static let flagMulti: UInt16 = 2
  static let flagDump: UInt16 = 0x300
}

extension [UInt8] {
  /// Appends a number in this host's byte order, as netlink wants it.
  mutating func append<Number: FixedWidthInteger>(number: Number) {
    let shown = number.littleEndian
    for index in 0..<Number.bitWidth / 8 {
      append(UInt8(truncatingIfNeeded: shown >> (8 * index)))
    }
  }

  /// Appends an attribute with this payload, padded to four bytes.
  mutating func append(attribute type: UInt16, _ payload: [UInt8]) {
    append(number: UInt16(4 + payload.count))
    append(number: type)
    append(contentsOf: payload)
    padToFour()
  }

  mutating func padToFour() {
    while count % 4 != 0 { append(0) }
  }
}

extension ArraySlice<UInt8> {
  /// The number at this distance from the start, in this host's byte order; zero past the end.
  func number<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number {
    let bytes = dropFirst(offset).prefix(Number.bitWidth / 8)
    guard bytes.count == Number.bitWidth / 8 else { return 0 }
    let big = bytes.reduce(Number.zero) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    return Number(bigEndian: big)
  }

  func number16(at offset: Int) -> UInt16 { number(UInt16.self, at: offset) }
  func number32(at offset: Int) -> UInt32 { number(UInt32.self, at: offset) }
}
