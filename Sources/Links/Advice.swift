/// One thing that keeps links from being used, in a sentence, and the command that mends it.
public struct Advice: Equatable, Sendable {
  /// How much is lost.
  public enum Weight: Int, Comparable, Sendable {
    /// Worth knowing; nothing need be lost.
    case remark
    /// Some links carry nothing.
    case fewerLinks
    /// One link carries everything, whatever the number of connections.
    case oneLink

    /// Orders by how much is lost.
    public static func < (left: Weight, right: Weight) -> Bool { left.rawValue < right.rawValue }
  }

  /// How much is lost.
  public var weight: Weight
  /// What is the matter, as one sentence without a full stop.
  public var sentence: String
  /// What to run as root to mend it; nil where no command on this host does.
  public var command: String?
}

extension Advice: CustomStringConvertible {
  /// The sentence, and the command after a colon.
  public var description: String { command.map { "\(sentence): \($0)" } ?? sentence }
}

extension Advice {
  /// Everything to be said about the way to a peer, or to any where none is named; the gravest first.
  static func about(
    egress: Egress,
    peer: IPAddress?,
    states: [LinkState],
    links: [LinkInfo],
    multipathUsesPorts: Bool
  ) -> [Advice] {
    var all: [Advice] = []
    if case .multipath(let hops) = egress, !multipathUsesPorts, let peer {
      all.append(byAddress(hops: hops, peer: peer))
    }
    for hop in egress.hops {
      guard let bond = hop.bond else { continue }
      all += [missingPartner(bond), oneLink(bond, peer: peer), unforeseeable(bond)]
        .compactMap { $0 }
      all += bond.members.compactMap { idleMember($0, of: bond, states: states) }
      all += [unequal(bond, links: hop.links.map { links[$0] })].compactMap { $0 }
    }
    // A sort that keeps the order of equals: what was found first explains what follows.
    let weights: [Weight] = [.oneLink, .fewerLinks, .remark]
    return weights.flatMap { weight in all.filter { $0.weight == weight } }
  }

  private static func byAddress(hops: [Hop], peer: IPAddress) -> Advice {
    let family =
      switch peer {
      case .v4: "ipv4"
      case .v6: "ipv6"
      }
    return Advice(
      weight: .oneLink,
      sentence: "the route to \(peer) has \(hops.count) next hops but uses one of them, "
        + "because the kernel tells connections apart by address only",
      command: "sysctl net.\(family).fib_multipath_hash_policy=1"
    )
  }

  private static func missingPartner(_ bond: Bond) -> Advice? {
    guard bond.mode == .ieee8023ad, bond.partner?.isZero == true else { return nil }
    return Advice(
      weight: .oneLink,
      sentence: "\(bond.name) uses one link because nothing at the other end speaks LACP; "
        + "switch it on for these ports of the switch",
      command: nil
    )
  }

  /// The mode or the policy ties one pair of addresses to one link.
  private static func oneLink(_ bond: Bond, peer: IPAddress?) -> Advice? {
    guard bond.members.count > 1 else { return nil }
    let target = peer.map(\.description) ?? "one peer"
    let start = "\(bond.name) sends everything to \(target) over one link because "
    switch bond.mode {
    case .activeBackup:
      return Advice(
        weight: .oneLink,
        sentence: start + "its mode is active-backup; 802.3ad with a switch that speaks LACP "
          + "uses all \(bond.members.count) links",
        command: nil
      )
    case .broadcast:
      return Advice(
        weight: .oneLink,
        sentence: "\(bond.name) sends every packet over all links because its mode is "
          + "broadcast, so they carry no more than one",
        command: nil
      )
    case .balanceAdaptive where bond.movesFlowsByLoad:
      return Advice(
        weight: .oneLink,
        sentence: start + "its mode is balance-alb, which goes by the peer's address; 802.3ad or "
          + "several addresses of the peer use more",
        command: nil
      )
    case .balanceXor, .ieee8023ad, .balanceTransmit, .balanceAdaptive:
      guard let policy = bond.policy, policy != .layer34, policy != .encap34,
        bond.sendingMembers.count > 1
      else { return nil }
      return Advice(
        weight: .oneLink,
        sentence: start + "its transmit hash policy is \(policy.rawValue)",
        command: "ip link set \(bond.name) type bond xmit_hash_policy layer3+4"
      )
    case .balanceRoundRobin:
      return nil
    }
  }

  /// Connections do spread, but not where one can know beforehand.
  private static func unforeseeable(_ bond: Bond) -> Advice? {
    guard bond.sendingMembers.count > 1 else { return nil }
    let hashes = bond.mode == .balanceXor || bond.mode == .ieee8023ad
    if hashes, bond.policy == .encap34 {
      return Advice(
        weight: .remark,
        sentence: "\(bond.name) places each connection by a random number because its transmit "
          + "hash policy is encap3+4",
        command: "ip link set \(bond.name) type bond xmit_hash_policy layer3+4"
      )
    }
    if bond.mode == .balanceTransmit, bond.movesFlowsByLoad {
      return Advice(
        weight: .remark,
        sentence: "\(bond.name) moves connections from link to link every 10 seconds because "
          + "its mode is balance-tlb with tlb_dynamic_lb=1",
        command: nil
      )
    }
    if bond.mode == .balanceRoundRobin {
      return Advice(
        weight: .remark,
        sentence: "\(bond.name) sends each connection over all links in turn (balance-rr), so "
          + "one connection fills them but packets arrive out of order",
        command: nil
      )
    }
    return nil
  }

  private static func idleMember(
    _ member: Bond.Member,
    of bond: Bond,
    states: [LinkState]
  ) -> Advice? {
    let sending = bond.sendingMembers.map { bond.members[$0].name }
    guard bond.mode != .activeBackup, !sending.contains(member.name) else { return nil }
    let start = "\(member.name) of \(bond.name) carries nothing because "
    if !member.isUp {
      let isEnabled = states.first { $0.name == member.name }?.isEnabled ?? true
      return Advice(
        weight: .fewerLinks,
        sentence: start + (isEnabled ? "its link is down" : "it is switched off"),
        command: isEnabled ? nil : "ip link set \(member.name) up"
      )
    }
    guard bond.mode == .ieee8023ad, bond.partner?.isZero != true else { return nil }
    let reason =
      if member.partner?.isZero == true {
        "nothing at its other end speaks LACP"
      } else if let aggregator = member.aggregator, let active = bond.activeAggregator,
        aggregator != active
      {
        "it is in aggregator \(aggregator) while \(active) is in use: another switch or speed"
      } else {
        "its LACP partner has not let it in"
      }
    return Advice(weight: .fewerLinks, sentence: start + reason, command: nil)
  }

  private static func unequal(_ bond: Bond, links: [LinkInfo]) -> Advice? {
    let speeds = links.compactMap(\.speed)
    guard let slowest = speeds.min(), let fastest = speeds.max(), slowest < fastest else {
      return nil
    }
    return Advice(
      weight: .remark,
      sentence: "the links of \(bond.name) differ in speed, from \(slowest / 1_000_000) to "
        + "\(fastest / 1_000_000) Mbit/s",
      command: nil
    )
  }
}
