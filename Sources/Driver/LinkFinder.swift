internal import Links
internal import Transfer
internal import Uring
internal import Wire

/// The links toward the peer: which there are, what they have carried, and which port leads to which.
struct LinkFinder: ~Copyable {
  /// Addresses of the peer, or the one that it came from.
  private var peers: [SocketAddress]
  private var topologies: [Topology?] = []
  /// The links of all topologies, each once; their order never changes.
  private var links: [LinkInfo] = []
  private var lanes: [Lane] = []
  private let netlink: NetlinkSocket?
  private var ports: PortChooser
  private var generator = SystemRandomNumberGenerator()

  /// Ports of one link to try before it is given up: others may hold some of them.
  private static let portsPerDial = 8

  /// Takes the targets of a dialler; a listener learns its peer's address later.
  init(targets: [SocketAddress]) {
    peers = targets
    netlink = try? NetlinkSocket()
    ports = PortChooser(host: Host())
    look()
  }

  /// Whether nothing is known of any peer.
  var isBlind: Bool { peers.isEmpty }

  /// Sentences about what keeps links from being used, the gravest first.
  var advice: [Advice] {
    var all: [Advice] = []
    for topology in topologies {
      for advice in topology?.advice ?? [] where !all.contains(advice) { all.append(advice) }
    }
    return all.sorted { $0.weight > $1.weight }
  }

  /// Learns where a peer came from.
  mutating func learn(_ peer: SocketAddress, from local: SocketAddress?) {
    guard peers.isEmpty else { return }
    peers = [peer]
    look(from: local)
  }

  private mutating func look(from local: SocketAddress? = nil) {
    for (target, peer) in peers.enumerated() {
      let topology = Self.topology(toward: peer, from: local)
      topologies.append(topology)
      guard let topology, !topology.isLoopback else { continue }
      for index in topology.links.indices { add(topology.links[index]) }
      lanes += lanes(of: topology, target)
    }
  }

  private mutating func add(_ link: LinkInfo) {
    if !links.contains(where: { $0.interfaceIndex == link.interfaceIndex }) { links.append(link) }
  }

  private static func topology(toward peer: SocketAddress, from local: SocketAddress?)
    -> Topology?
  {
    guard let address = IPAddress(bytes: peer.bytes) else { return nil }
    return try? Topology.toward(
      peer: address,
      peerPort: peer.port,
      from: local.flatMap { IPAddress(bytes: $0.bytes) },
      boundInterface: peer.scope == 0 ? nil : peer.scope
    )
  }

  /// One lane per link where ports can be aimed, else one for the whole target.
  private func lanes(of topology: Topology, _ target: Int) -> [Lane] {
    let isAimable = topology.spread == .byPort
    if !isAimable, topology.links.count > 1 { return [Lane(target: target, link: nil)] }
    return topology.links.map { Lane(target: target, link: index(of: $0)) }
  }

  private func index(of link: LinkInfo) -> Int? {
    links.firstIndex { $0.interfaceIndex == link.interfaceIndex }
  }

  /// The counters of all links, now.
  func view() -> LinkView {
    guard !links.isEmpty,
      let counters = try? netlink?.counters(interfaceIndices: links.map(\.interfaceIndex))
    else { return LinkView(links: [], lanes: lanes) }
    let status = links.map { link in
      let counter = counters.first { $0.interfaceIndex == link.interfaceIndex }
      return LinkStatus(
        name: link.name,
        receivedByteCount: counter?.receivedBytes ?? 0,
        sentByteCount: counter?.sentBytes ?? 0,
        bitsPerSecond: link.speed ?? 0,
        connectionCount: 0
      )
    }
    return LinkView(links: status, lanes: lanes)
  }

  /// Source addresses whose ports lead to a link, to be tried in turn; empty where none is known.
  ///
  /// The kernel is asked anew each time: a member that left the bond changes where every port leads.
  mutating func sources(target: Int, link: Int) -> [SocketAddress] {
    guard peers.indices.contains(target), links.indices.contains(link),
      let topology = Self.topology(toward: peers[target], from: nil), topology.links.count > 1,
      let wanted = topology.links.firstIndex(where: {
        $0.interfaceIndex == links[link].interfaceIndex
      })
    else { return [] }
    var counts = [Int](repeating: 0, count: topology.links.count)
    counts[wanted] = Self.portsPerDial
    let found = ports.candidates(wanted: counts, using: &generator) {
      topology.link(forSourcePort: $0)
    }
    return found[wanted].compactMap { SocketAddress(topology.source.description, port: $0) }
  }

  /// Remembers a port that a connection of ours holds.
  mutating func take(port: UInt16) { ports.taken.insert(port) }

  /// A connection of ours has let go of its port.
  mutating func release(port: UInt16) { ports.taken.remove(port) }
}

extension Topology {
  fileprivate var isLoopback: Bool {
    if case .loopback = egress { true } else { false }
  }
}
