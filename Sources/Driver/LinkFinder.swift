internal import Links
internal import Transfer
internal import Uring
internal import Wire

/// The links toward the peer: which there are, what they have carried, and which port leads to which.
struct LinkFinder: ~Copyable {
  /// Ways to the peer, or back the one that it came on.
  private var peers: [Target]
  private var topologies: [Topology?] = []
  /// The links of all topologies, each once; their order never changes.
  private var links: [LinkInfo] = []
  private var lanes: [Lane] = []
  private let netlink: NetlinkSocket?
  private var ports: PortChooser
  private var generator = SystemRandomNumberGenerator()

  /// Ports of one link to try before it is given up: others may hold some of them.
  private static let portsPerDial = 8
  /// Pairs of addresses that a listener looks the links of up for: more than links in one status.
  private static let learnedLimit = 32

  /// Takes the targets of a dialler; a listener learns its peer's address later.
  init(targets: [Target]) {
    peers = targets
    netlink = try? NetlinkSocket()
    ports = PortChooser(host: Host())
    for target in peers.indices { look(target) }
  }

  /// Sentences about what keeps links from being used, the gravest first.
  var advice: [Advice] {
    var all: [Advice] = []
    for topology in topologies {
      for advice in topology?.advice ?? [] where !all.contains(advice) { all.append(advice) }
    }
    return all.sorted { $0.weight > $1.weight }
  }

  /// How the links belong together, such as "bond0: 802.3ad, hash layer3+4, over eth0 and eth1".
  var arrangement: [String] {
    var all: [String] = []
    for topology in topologies {
      for sentence in topology?.arrangement ?? [] where !all.contains(sentence) {
        all.append(sentence)
      }
    }
    return all
  }

  /// Learns where a connection of a listener came from, and to which address here.
  ///
  /// - Returns: whether that pair of addresses was new.
  mutating func learn(_ peer: SocketAddress, from local: SocketAddress?) -> Bool {
    let way = Target(address: peer.with(port: 0), rank: 0, source: local?.with(port: 0))
    // A sender has a few addresses; one that has hundreds does not make us look for hundreds.
    guard !peers.contains(way), peers.count < Self.learnedLimit else { return false }
    peers.append(way)
    look(peers.count - 1)
    return true
  }

  /// The link over which all connections between two addresses run, where there is only one.
  func onlyLink(to peer: SocketAddress, from local: SocketAddress?) -> Int? {
    let way = Target(address: peer.with(port: 0), rank: 0, source: local?.with(port: 0))
    guard let known = peers.firstIndex(of: way), let topology = topologies[known],
      topology.links.count == 1
    else { return nil }
    return index(of: topology.links[0])
  }

  private mutating func look(_ target: Int) {
    let topology = Self.topology(toward: peers[target])
    topologies.append(topology)
    guard let topology, !topology.isLoopback else { return }
    let usable = usableLinks(of: topology)
    for link in usable where index(of: link) == nil { links.append(link) }
    lanes += lanes(of: topology, usable, target)
  }

  /// The links that some port leads to; a source address or a hash may rule some out.
  private mutating func usableLinks(of topology: Topology) -> [LinkInfo] {
    guard topology.spread == .byPort, topology.links.count > 1, topology.peerPort != 0 else {
      return topology.links
    }
    let wanted = [Int](repeating: 1, count: topology.links.count)
    let found = ports.candidates(wanted: wanted, using: &generator) {
      topology.link(forSourcePort: $0)
    }
    let reached = topology.links.indices.filter { !found[$0].isEmpty }
    return reached.isEmpty ? topology.links : reached.map { topology.links[$0] }
  }

  private static func topology(toward peer: Target) -> Topology? {
    guard let address = IPAddress(bytes: peer.address.bytes) else { return nil }
    let scope = peer.address.scope == 0 ? nil : peer.address.scope
    return try? Topology.toward(
      peer: address,
      peerPort: peer.address.port,
      from: peer.source.flatMap { IPAddress(bytes: $0.bytes) },
      boundInterface: peer.deviceIndex ?? scope
    )
  }

  /// One lane per link where ports can be aimed, else one for the whole target.
  private func lanes(of topology: Topology, _ usable: [LinkInfo], _ target: Int) -> [Lane] {
    let isAimable = topology.spread == .byPort
    let rank = peers[target].rank
    if !isAimable, usable.count > 1 { return [Lane(target: target, link: nil, rank: rank)] }
    return usable.map { Lane(target: target, link: index(of: $0), rank: rank) }
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
      let topology = Self.topology(toward: peers[target]), topology.links.count > 1,
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
  fileprivate var arrangement: [String] {
    let hops = egress.hops
    var all = hops.compactMap { hop -> String? in
      guard let bond = hop.bond else { return nil }
      let policy = bond.policy.map { ", hash \($0.rawValue)" } ?? ""
      let members = hop.links.filter(links.indices.contains).map { links[$0].name }
      return "\(bond.name): \(bond.mode.rawValue)\(policy), "
        + "over \(members.joined(separator: ", "))"
    }
    if hops.count > 1 {
      all.append("a multipath route over \(hops.map(\.interface).joined(separator: ", "))")
    }
    return all
  }

  fileprivate var isLoopback: Bool {
    if case .loopback = egress { true } else { false }
  }
}
