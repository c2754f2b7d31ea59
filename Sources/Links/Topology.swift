/// How this host reaches one address of the peer: over which links, and what decides which.
public struct Topology: Sendable {
  /// The peer's address.
  public let peer: IPAddress
  /// The peer's port.
  public let peerPort: UInt16
  /// The address here that connections come from.
  public let source: IPAddress
  /// The interface that connections are bound to, if they are.
  public let boundInterface: UInt32?
  /// What lies between the route and the links.
  public let egress: Egress
  /// The links that can carry something now, in the order of the hash.
  public let links: [LinkInfo]
  /// How connections come to lie on `links`.
  public let spread: Spread
  /// What keeps links from being used and how to mend it; the gravest first.
  public let advice: [Advice]

  let rules: BondHash
  let host: any HostView

  /// The link that a connection from this source port takes.
  ///
  /// Asks the kernel once for a multipath route (some 20 microseconds), computes the hash of a
  /// bond.
  /// - Returns: an index into `links`; nil where nothing but trying can tell.
  public func link(forSourcePort port: UInt16) -> Int? {
    guard let hop = hop(forSourcePort: port) else { return nil }
    return hop.link(carrying: flow(sourcePort: port, hop: hop), rules: rules)
  }

  private func hop(forSourcePort port: UInt16) -> Hop? {
    let hops = egress.hops
    guard hops.count > 1 else { return hops.first }
    let query = RouteQuery(
      destination: peer,
      source: source,
      sourcePort: port,
      destinationPort: peerPort,
      interfaceIndex: boundInterface
    )
    guard let chosen = try? host.route(query).hops.first else { return nil }
    let same = hops.filter { $0.interfaceIndex == chosen.interfaceIndex }
    return same.first { $0.gateway == chosen.gateway } ?? same.first
  }

  private func flow(sourcePort: UInt16, hop: Hop) -> Flow {
    var flow = Flow(
      source: source,
      destination: peer,
      sourcePort: sourcePort,
      destinationPort: peerPort
    )
    flow.sourceMAC = hop.sourceMAC
    flow.destinationMAC = hop.destinationMAC
    flow.vlan = hop.vlan
    return flow
  }
}

/// What the route to a peer leads to.
public enum Egress: Equatable, Sendable {
  /// The peer is this host.
  case loopback(Hop)
  /// One interface without known links below it but itself.
  case single(Hop)
  /// A bond, perhaps below a VLAN or a bridge.
  case bond(Bond, Hop)
  /// A route with several next hops, each of which may be any of the above.
  case multipath([Hop])

  /// The next hops: one unless the route has several.
  public var hops: [Hop] {
    switch self {
    case .loopback(let hop), .single(let hop), .bond(_, let hop): [hop]
    case .multipath(let hops): hops
    }
  }
}

/// One next hop of the route, resolved down to links.
public struct Hop: Equatable, Sendable {
  /// The interface that the route names.
  public var interface: String
  /// Its number.
  public var interfaceIndex: UInt32
  /// The router; nil if the peer is on the link itself.
  public var gateway: IPAddress?
  /// Its share in a multipath route, 1 to 256.
  public var weight: Int
  /// The interfaces from the route's down to the bond or the link, such as br0, bond0.
  public var layers: [String]
  /// The VLAN on the way, if there is one.
  public var vlan: UInt16?
  /// The bond on the way, if there is one.
  public var bond: Bond?
  /// Indices into `Topology.links`: one, or a bond's sending members in its order.
  public var links: [Int]
  /// How connections lie on `links`.
  public var spread: Spread
  /// The Ethernet address that frames are sent from.
  public var sourceMAC: MACAddress?
  /// The Ethernet address that frames are sent to, if the kernel knows it by now.
  public var destinationMAC: MACAddress?

  /// The link that carries a flow once it takes this hop.
  func link(carrying flow: Flow, rules: BondHash) -> Int? {
    guard links.count > 1 else { return links.first }
    guard let bond, let member = bond.member(carrying: flow, rules: rules),
      let position = bond.sendingMembers.firstIndex(of: member), position < links.count
    else { return nil }
    return links[position]
  }
}

/// One interface that carries frames by itself: hardware, or what stands in for it.
public struct LinkInfo: Equatable, Sendable {
  /// The interface's name.
  public var name: String
  /// Its number, by which its counters are read.
  public var interfaceIndex: UInt32
  /// Bits per second; nil if the driver does not know or the interface is not hardware.
  public var speed: UInt64?
  /// Whether the other end answers (carrier).
  public var isUp: Bool
  /// Whether it is software: veth and the like claim 10 Gbit/s, which means nothing.
  public var isVirtual: Bool
}
