extension Topology {
  /// Finds out how this host reaches `peer`.
  ///
  /// - Parameters:
  ///   - peer: the address to connect to.
  ///   - peerPort: its port, which layer3+4 hashes cover.
  ///   - source: the address that will be bound; nil for the kernel's choice.
  ///   - boundInterface: the interface that will be bound, by number; nil for none.
  ///   - host: where to look.
  /// - Returns: the links, and what decides between them.
  /// - Throws: when there is no route, or the kernel cannot be asked.
  public static func toward(
    peer: IPAddress,
    peerPort: UInt16,
    from source: IPAddress? = nil,
    boundInterface: UInt32? = nil,
    host: any HostView = Host()
  ) throws(LinksError) -> Topology {
    var query = RouteQuery(
      destination: peer,
      source: source,
      destinationPort: peerPort,
      interfaceIndex: boundInterface
    )
    let chosen = try host.route(query)
    query.wantsAllHops = true
    // Before Linux 4.13 the kernel did not list all hops; the chosen one is true as well.
    let all = (try? host.route(query)) ?? chosen
    var look = Look(host: host, states: try host.links(), peer: peer)
    // The matching route is listed with all its hops also where the interface rules out some.
    let open = all.hops.filter { boundInterface == nil || $0.interfaceIndex == boundInterface }
    let hops = look.hops(open.isEmpty ? chosen.hops : open)
    guard let first = hops.first else { throw .malformedAnswer }
    let usesPorts = look.multipathUsesPorts()
    let egress: Egress =
      if all.isLocal || chosen.isLocal {
        .loopback(first)
      } else if hops.count > 1 {
        .multipath(hops)
      } else if let bond = first.bond {
        .bond(bond, first)
      } else {
        .single(first)
      }
    let used = hops.first { $0.interfaceIndex == chosen.hops.first?.interfaceIndex } ?? first
    return Topology(
      peer: peer,
      peerPort: peerPort,
      source: source ?? chosen.preferredSource ?? all.preferredSource ?? peer,
      boundInterface: boundInterface,
      egress: egress,
      links: look.links,
      spread: spread(of: hops, used: used, usesPorts: usesPorts),
      advice: Advice.about(
        egress: egress,
        peer: peer,
        states: look.states,
        links: look.links,
        multipathUsesPorts: usesPorts
      ),
      rules: BondHash(kernelRelease: host.kernelRelease),
      host: host
    )
  }

  private static func spread(of hops: [Hop], used: Hop, usesPorts: Bool) -> Spread {
    guard hops.count > 1, usesPorts else { return used.spread }
    // Next hops that differ by name only share their link, as two gateways behind one interface.
    if Set(hops.flatMap(\.links)).count == 1 { return .one }
    let settled = hops.allSatisfy { $0.spread == .one || $0.spread == .byPort }
    return settled ? .byPort : .byPortUnseen
  }
}

extension Survey {
  /// Looks at what lies below one interface, whoever is reached over it.
  ///
  /// - Parameters:
  ///   - name: the interface.
  ///   - host: where to look.
  /// - Returns: nil if there is no such interface.
  /// - Throws: when the kernel cannot be asked.
  public static func below(
    interface name: String,
    host: any HostView = Host()
  ) throws(LinksError) -> Survey? {
    let states = try host.links()
    guard let state = states.first(where: { $0.name == name }) else { return nil }
    // No neighbour has the address 0.0.0.0, so the peer's Ethernet address stays unknown.
    var look = Look(host: host, states: states, peer: .v4(0))
    let next = NextHop(interfaceIndex: state.index, gateway: nil, weight: 1)
    guard let hop = look.hops([next]).first else { return nil }
    let egress: Egress = hop.bond.map { .bond($0, hop) } ?? .single(hop)
    let advice = Advice.about(
      egress: egress,
      peer: nil,
      states: states,
      links: look.links,
      multipathUsesPorts: true
    )
    return Survey(hops: [hop], links: look.links, advice: advice)
  }
}

/// The work of following next hops down to links.
private struct Look {
  let host: any HostView
  let states: [LinkState]
  let peer: IPAddress
  var links: [LinkInfo] = []

  init(host: any HostView, states: [LinkState], peer: IPAddress) {
    self.host = host
    self.states = states
    self.peer = peer
  }

  mutating func hops(_ nextHops: [NextHop]) -> [Hop] {
    var hops: [Hop] = []
    // The kernel lists the hop that it happened to choose first for IPv6; links need one order.
    for next in nextHops.sorted(by: { $0.interfaceIndex < $1.interfaceIndex }) {
      guard let state = state(next.interfaceIndex) else { continue }
      var hop = Hop(
        interface: state.name,
        interfaceIndex: state.index,
        gateway: next.gateway,
        weight: next.weight,
        layers: [],
        links: [],
        spread: .one
      )
      hop.sourceMAC = state.address
      hop.destinationMAC = host.neighbour(next.gateway ?? peer, interfaceIndex: state.index)
      follow(state, into: &hop)
      hops.append(hop)
    }
    return hops
  }

  /// Goes from the route's interface down to the bond or link below it.
  private mutating func follow(_ start: LinkState, into hop: inout Hop) {
    var state = start
    // 8 is how deep the kernel lets devices lie on one another (MAX_NEST_DEV).
    for _ in 0..<8 {
      hop.layers.append(state.name)
      if state.kind == "bond", let bond = readBond(state.name) {
        take(bond, into: &hop)
        return
      }
      if state.kind == "team" {
        // The team driver's hash is a program of its user's, which cannot be foreseen.
        let members = states.filter { $0.masterIndex == state.index && $0.isUp }
        hop.links = members.map { number(of: $0) }
        hop.spread = members.count > 1 ? .byPortUnseen : .one
        return
      }
      if state.kind == "vlan" { hop.vlan = state.vlan }
      guard let lower = below(state) else { break }
      state = lower
    }
    hop.links = [number(of: state)]
  }

  private mutating func take(_ bond: Bond, into hop: inout Hop) {
    hop.bond = bond
    hop.spread = bond.spread
    let sending = bond.sendingMembers.compactMap { index in
      states.first { $0.name == bond.members[index].name }
    }
    hop.links = sending.map { number(of: $0) }
  }

  private func below(_ state: LinkState) -> LinkState? {
    switch state.kind {
    // Of veth and tunnels the lower index names the other end, not what carries them.
    case "vlan", "macvlan", "ipvlan", "macsec": return state.lowerIndex.flatMap { self.state($0) }
    case "bridge":
      // The ports of virtual machines and containers do not lead to another host.
      let ports = states.filter { $0.masterIndex == state.index && $0.isUp }
      let outward = ports.filter { ["bond", "team", "vlan", nil].contains($0.kind) }
      return outward.count == 1 ? outward.first : nil
    default: return nil
    }
  }

  private func readBond(_ name: String) -> Bond? {
    let read = { (path: String) in host.text("/sys/class/net/" + path) }
    guard let text = host.text("/proc/net/bonding/\(name)"),
      var bond = Bond(name: name, procText: text)
    else { return Bond(name: name, sysfs: read) }
    bond.addSysfs(read)
    return bond
  }

  /// The index into `links` of an interface, added if it is new.
  private mutating func number(of state: LinkState) -> Int {
    if let known = links.firstIndex(where: { $0.interfaceIndex == state.index }) { return known }
    let isHardware = host.exists("/sys/class/net/\(state.name)/device")
    let text = isHardware ? host.text("/sys/class/net/\(state.name)/speed") : nil
    // Megabits per second; -1 when unknown, as virtio_net has it.
    let megabits = text?.firstWord.flatMap { UInt64($0) }
    let speed = megabits.flatMap { $0 > 0 && $0 < UInt64(UInt32.max) ? $0 * 1_000_000 : nil }
    links.append(
      LinkInfo(
        name: state.name,
        interfaceIndex: state.index,
        speed: speed,
        isUp: state.isUp,
        isVirtual: !isHardware
      )
    )
    return links.count - 1
  }

  private func state(_ index: UInt32) -> LinkState? { states.first { $0.index == index } }

  /// Whether a multipath route tells connections apart by their ports.
  ///
  /// Source: fib_multipath_hash_policy in Documentation/networking/ip-sysctl.rst: 1 is layer 4;
  /// 3 is by fields, of which 0x10 is the source port.
  func multipathUsesPorts() -> Bool {
    let directory: String =
      switch peer {
      case .v4: "/proc/sys/net/ipv4"
      case .v6: "/proc/sys/net/ipv6"
      }
    switch host.text("\(directory)/fib_multipath_hash_policy")?.firstWord {
    case "1": return true
    case "3":
      let fields = host.text("\(directory)/fib_multipath_hash_fields")?.firstWord ?? "0"
      return Self.fields(fields) & 0x10 != 0
    default: return false
    }
  }

  /// "0x0037" or "55".
  private static func fields(_ text: Substring) -> Int {
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text
    return Int(digits, radix: text.hasPrefix("0x") ? 16 : 10) ?? 0
  }
}
