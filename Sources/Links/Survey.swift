/// What there is to see below an interface or a route, for somebody who wants to know.
public struct Survey: Sendable {
  /// The next hops, with what lies below each.
  public let hops: [Hop]
  /// The links that can carry something now.
  public let links: [LinkInfo]
  /// What keeps links from being used and how to mend it; the gravest first.
  public let advice: [Advice]

  init(hops: [Hop], links: [LinkInfo], advice: [Advice]) {
    self.hops = hops
    self.links = links
    self.advice = advice
  }

  /// What was found on the way to a peer.
  public init(_ topology: Topology) {
    self.init(hops: topology.egress.hops, links: topology.links, advice: topology.advice)
  }

  /// The names of all bonds of a host.
  ///
  /// - Throws: when the kernel cannot be asked.
  public static func bonds(host: any HostView = Host()) throws(LinksError) -> [String] {
    try host.links().filter { $0.kind == "bond" }.map(\.name)
  }

  /// One of a hop's links, or a member of its bond that carries nothing.
  public struct Row: Equatable, Sendable {
    /// The interface's name.
    public let name: String
    /// Whether it sends: "sends", "waits" (up, but left out) or "down".
    public let state: String
    /// Bits per second; nil where unknown.
    public let bitsPerSecond: UInt64?
  }

  /// A hop's links, and the members of its bond that carry nothing.
  public func rows(_ hop: Hop) -> [Row] {
    let sending = hop.links.filter(links.indices.contains).map { links[$0] }
    guard let bond = hop.bond else {
      return sending.map {
        Row(name: $0.name, state: $0.isUp ? "sends" : "down", bitsPerSecond: $0.speed)
      }
    }
    return bond.members.map { member in
      let link = sending.first { $0.name == member.name }
      let state = link != nil ? "sends" : member.isUp ? "waits" : "down"
      return Row(name: member.name, state: state, bitsPerSecond: link?.speed)
    }
  }

  /// What is to be changed: all advice but what need not cost anything.
  public var complaints: [Advice] { advice.filter { $0.weight > .remark } }

  /// What is worth knowing and need not cost anything.
  public var remarks: [Advice] { advice.filter { $0.weight == .remark } }
}

extension Bond {
  /// Mode, policy and, in 802.3ad, who is at the other end, such as
  /// "bond0: 802.3ad, hash layer3+4, LACP partner 02:00:00:00:00:01".
  public var summary: String {
    var parts = [mode.rawValue]
    if let policy { parts.append("hash \(policy.rawValue)") }
    if mode == .ieee8023ad {
      switch partner {
      case .some(let address) where address.isZero: parts.append("no LACP partner")
      case .some(let address): parts.append("LACP partner \(address)")
      case nil: parts.append("LACP partner to be seen by root only")
      }
    }
    return "\(name): \(parts.joined(separator: ", "))"
  }
}
