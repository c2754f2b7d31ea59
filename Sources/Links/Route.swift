/// What to ask the kernel's route lookup: how a TCP connection would leave this host.
public struct RouteQuery: Equatable, Sendable {
  /// The peer.
  public var destination: IPAddress
  /// The address here, if it is bound.
  public var source: IPAddress?
  /// The port here; nil leaves the hash of a multipath route without it.
  public var sourcePort: UInt16?
  /// The peer's port.
  public var destinationPort: UInt16?
  /// The interface that the connection is bound to; needed for IPv6 addresses of one link.
  public var interfaceIndex: UInt32?
  /// Asks for the route that matches, with all its next hops, rather than for the one chosen.
  public var wantsAllHops: Bool

  /// A query for one peer.
  public init(
    destination: IPAddress,
    source: IPAddress? = nil,
    sourcePort: UInt16? = nil,
    destinationPort: UInt16? = nil,
    interfaceIndex: UInt32? = nil,
    wantsAllHops: Bool = false
  ) {
    self.destination = destination
    self.source = source
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.interfaceIndex = interfaceIndex
    self.wantsAllHops = wantsAllHops
  }
}

/// A route as the kernel reports it.
public struct Route: Equatable, Sendable {
  /// Whether the destination is this host itself (`RTN_LOCAL`).
  public var isLocal: Bool
  /// The source address that the kernel prefers for this destination.
  public var preferredSource: IPAddress?
  /// The next hops: one, or several of a multipath route; empty for a route that leads nowhere.
  public var hops: [NextHop]

  /// A route of which everything is known.
  public init(isLocal: Bool, preferredSource: IPAddress?, hops: [NextHop]) {
    self.isLocal = isLocal
    self.preferredSource = preferredSource
    self.hops = hops
  }
}

/// One way out of this host.
public struct NextHop: Equatable, Hashable, Sendable {
  /// The interface, by its number.
  public var interfaceIndex: UInt32
  /// The router; nil if the destination is on the link itself.
  public var gateway: IPAddress?
  /// Its share in a multipath route, 1 to 256.
  public var weight: Int

  /// A next hop of which everything is known.
  public init(interfaceIndex: UInt32, gateway: IPAddress?, weight: Int) {
    self.interfaceIndex = interfaceIndex
    self.gateway = gateway
    self.weight = weight
  }
}

extension RouteQuery {
  /// `RTM_GETROUTE` with `struct rtmsg` and attributes (linux/rtnetlink.h).
  func message(sequence: UInt32) -> [UInt8] {
    let destinationBytes = destination.bytes
    let bits = UInt8(destinationBytes.count * 8)
    let sourceBytes = source?.bytes
    var body: [UInt8] = [destination.family, bits, sourceBytes == nil ? 0 : bits, 0, 0, 0, 0, 0]
    // RTM_F_LOOKUP_TABLE names the table in the answer; RTM_F_FIB_MATCH asks for the entry.
    body.append(number: UInt32(0x1000 | (wantsAllHops ? 0x2000 : 0)))
    body.append(attribute: 1, destinationBytes)  // RTA_DST
    if let sourceBytes { body.append(attribute: 2, sourceBytes) }  // RTA_SRC
    if let interfaceIndex {
      var index: [UInt8] = []
      index.append(number: interfaceIndex)
      body.append(attribute: 4, index)  // RTA_OIF
    }
    if sourcePort != nil || destinationPort != nil {
      body.append(attribute: 27, [6])  // RTA_IP_PROTO: IPPROTO_TCP
    }
    if let sourcePort { body.append(attribute: 28, Self.wire(sourcePort)) }  // RTA_SPORT
    if let destinationPort { body.append(attribute: 29, Self.wire(destinationPort)) }  // RTA_DPORT
    let message = NetlinkMessage(
      type: Netlink.getRoute,
      flags: Netlink.flagRequest,
      sequence: sequence,
      body: body[...]
    )
    return message.bytes
  }

  private static func wire(_ port: UInt16) -> [UInt8] {
    [UInt8(port >> 8), UInt8(port & 0xff)]
  }
}

extension IPAddress {
  /// `AF_INET` or `AF_INET6`.
  var family: UInt8 {
    switch self {
    case .v4: 2
    case .v6: 10
    }
  }
}

extension Route {
  /// Reads the body of `RTM_NEWROUTE`; nil if it is shorter than `struct rtmsg`.
  init?(body: ArraySlice<UInt8>) {
    guard body.count >= 12, let kind = body.dropFirst(7).first else { return nil }
    self.isLocal = kind == 2
    self.hops = []
    var single = NextHop(interfaceIndex: 0, gateway: nil, weight: 1)
    for attribute in NetlinkAttribute.parse(body.dropFirst(12)) {
      switch attribute.type {
      case 4: single.interfaceIndex = attribute.payload.number32(at: 0)  // RTA_OIF
      case 5, 18: single.gateway = Self.gateway(attribute)  // RTA_GATEWAY, RTA_VIA
      case 7: preferredSource = IPAddress(bytes: Array(attribute.payload))  // RTA_PREFSRC
      case 9: hops = Self.hops(attribute.payload)  // RTA_MULTIPATH
      default: continue
      }
    }
    // RTN_UNICAST and RTN_LOCAL lead somewhere; blackhole, unreachable and prohibit do not.
    guard kind == 1 || kind == 2 else {
      hops = []
      return
    }
    if hops.isEmpty, single.interfaceIndex != 0 { hops = [single] }
  }

  /// The payload of `RTA_MULTIPATH`: `struct rtnexthop`s, each with attributes of its own.
  private static func hops(_ payload: ArraySlice<UInt8>) -> [NextHop] {
    var rest = payload
    var hops: [NextHop] = []
    while rest.count >= 8 {
      let length = Int(rest.number16(at: 0))
      guard length >= 8, length <= rest.count else { break }
      let flags = rest.dropFirst(2).first ?? 0
      let weight = Int(rest.dropFirst(3).first ?? 0) + 1
      var hop = NextHop(
        interfaceIndex: rest.number32(at: 4),
        gateway: nil,
        weight: weight
      )
      for attribute in NetlinkAttribute.parse(rest.prefix(length).dropFirst(8))
      where attribute.type == 5 || attribute.type == 18 {
        hop.gateway = gateway(attribute)
      }
      // RTNH_F_DEAD (1) and RTNH_F_LINKDOWN (16): the kernel does not choose it.
      if flags & 0x11 == 0 { hops.append(hop) }
      rest = rest.dropFirst(NetlinkMessage.aligned(length))
    }
    return hops
  }

  private static func gateway(_ attribute: NetlinkAttribute) -> IPAddress? {
    // RTA_VIA puts two bytes of address family before the address.
    IPAddress(bytes: Array(attribute.payload.dropFirst(attribute.type == 18 ? 2 : 0)))
  }
}
