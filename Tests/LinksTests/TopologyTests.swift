import Testing

@testable import Links

struct TopologyTests {
  let peer = IPAddress.v4(0x0a09_0002)

  /// The recorded host with bond0 (2) over a1 (3) and a2 (4), and bond0.77 (5) over bond0.
  func bondHost(_ mode: String, over interfaceIndex: UInt32 = 2) throws -> RecordedHost {
    var host = RecordedHost()
    let messages = try #require(NetlinkMessage.parse(bytes(RecordedNetlink.bondLinks)[...]))
    host.states = messages.filter { $0.type == Netlink.newLink }
      .compactMap { LinkState(body: $0.body) }
    host.chosen = Route(
      isLocal: false,
      preferredSource: IPAddress("10.9.0.1"),
      hops: [NextHop(interfaceIndex: interfaceIndex, gateway: nil, weight: 1)]
    )
    host.addBond(mode)
    return host
  }

  func state(_ index: UInt32, _ name: String, kind: String? = nil) -> LinkState {
    var state = LinkState(index: index, name: name)
    state.kind = kind
    return state
  }

  /// Two interfaces with a route over both.
  func multipathHost(policy: String) -> RecordedHost {
    var host = RecordedHost()
    host.states = [state(3, "eth0"), state(5, "eth1")]
    host.files["/sys/class/net/eth0/device"] = ""
    host.files["/sys/class/net/eth0/speed"] = "1000\n"
    host.files["/sys/class/net/eth1/device"] = ""
    host.files["/sys/class/net/eth1/speed"] = "-1\n"
    host.files["/proc/sys/net/ipv4/fib_multipath_hash_policy"] = policy
    let hops = [
      NextHop(interfaceIndex: 5, gateway: IPAddress("10.77.2.2"), weight: 3),
      NextHop(interfaceIndex: 3, gateway: IPAddress("10.77.1.2"), weight: 1),
    ]
    host.chosen = Route(isLocal: false, preferredSource: IPAddress("10.77.0.1"), hops: [hops[0]])
    host.all = Route(isLocal: false, preferredSource: nil, hops: hops)
    host.hopForPort = { $0 % 3 == 0 ? 1 : 0 }
    return host
  }

  @Test(arguments: [UInt32(2), 5])
  func `a bond is found below the route and below a VLAN`(interfaceIndex: UInt32) throws {
    let host = try bondHost("802.3ad", over: interfaceIndex)
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    guard case .bond(let bond, let hop) = topology.egress else {
      Issue.record("no bond: \(topology.egress)")
      return
    }
    #expect(bond.name == "bond0" && bond.mode == .ieee8023ad)
    #expect(topology.links.map(\.name) == ["a2", "a1"])
    #expect(topology.links.map(\.interfaceIndex) == [4, 3])
    // The driver records 10 Gbit/s for veth, which is not so.
    #expect(topology.links.map(\.speed) == [nil, nil])
    #expect(hop.layers == (interfaceIndex == 5 ? ["bond0.77", "bond0"] : ["bond0"]))
    #expect(hop.vlan == (interfaceIndex == 5 ? 77 : nil))
    #expect(topology.spread == .byPort && topology.advice.isEmpty)
    let links = (UInt16(40000)..<40064).map { topology.link(forSourcePort: $0) }
    #expect(links.filter { $0 == 0 }.count == 32 && links.filter { $0 == 1 }.count == 32)
  }

  @Test func `a bridge is followed to its only way out`() throws {
    var host = try bondHost("balance-xor", over: 9)
    host.states.append(state(9, "br0", kind: "bridge"))
    host.states.append(state(10, "vnet0", kind: "tun"))
    for index in host.states.indices where ["bond0", "vnet0"].contains(host.states[index].name) {
      host.states[index].masterIndex = 9
    }
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(topology.egress.hops.first?.layers == ["br0", "bond0"])
    host.states.append(state(11, "eth7"))
    host.states[host.states.count - 1].masterIndex = 9
    let unclear = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(unclear.links.map(\.name) == ["br0"] && unclear.spread == .one)
  }

  @Test func `interfaces that lie on each other in a circle end`() throws {
    var host = RecordedHost()
    host.states = [state(1, "v1", kind: "vlan"), state(2, "v2", kind: "vlan")]
    host.states[0].lowerIndex = 2
    host.states[1].lowerIndex = 1
    host.chosen.hops = [NextHop(interfaceIndex: 1, gateway: nil, weight: 1)]
    let topology = try Topology.toward(peer: peer, peerPort: 1, host: host)
    #expect(topology.links.count == 1)
  }

  @Test func `each port of a multipath route is asked of the kernel`() throws {
    let host = multipathHost(policy: "1\n")
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(topology.links.map(\.name) == ["eth0", "eth1"])
    #expect(topology.links.map(\.speed) == [1_000_000_000, nil])
    #expect(topology.egress.hops.map(\.weight) == [1, 3])
    #expect(topology.spread == .byPort && topology.advice.isEmpty)
    #expect(topology.link(forSourcePort: 3) == 0 && topology.link(forSourcePort: 4) == 1)
  }

  @Test func `a multipath route by addresses uses one hop, and how to mend it is said`() throws {
    for policy in ["0\n", "2\n", "3\n"] {
      let host = multipathHost(policy: policy)
      let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
      #expect(topology.spread == .one)
      #expect(topology.advice.map(\.command) == ["sysctl net.ipv4.fib_multipath_hash_policy=1"])
    }
    var host = multipathHost(policy: "3\n")
    host.files["/proc/sys/net/ipv4/fib_multipath_hash_fields"] = "0x0037\n"
    #expect(try Topology.toward(peer: peer, peerPort: 1, host: host).spread == .byPort)
  }

  @Test func `loopback and no route are told`() throws {
    var host = RecordedHost()
    host.states = [state(1, "lo")]
    host.chosen = Route(
      isLocal: true,
      preferredSource: peer,
      hops: [NextHop(interfaceIndex: 1, gateway: nil, weight: 1)]
    )
    let topology = try Topology.toward(peer: peer, peerPort: 1, host: host)
    guard case .loopback = topology.egress else {
      Issue.record("not loopback: \(topology.egress)")
      return
    }
    #expect(topology.link(forSourcePort: 5) == 0)
    host.chosen.hops = []
    #expect(throws: LinksError.self) { try Topology.toward(peer: peer, peerPort: 1, host: host) }
  }

  @Test(arguments: [
    (
      "balance-xor",
      [
        "bond0 sends everything to 10.9.0.2 over one link because its transmit hash policy is "
          + "layer2: ip link set bond0 type bond xmit_hash_policy layer3+4"
      ]
    ),
    (
      "active-backup",
      [
        "bond0 sends everything to 10.9.0.2 over one link because its mode is active-backup; "
          + "802.3ad with a switch that speaks LACP uses all 2 links"
      ]
    ),
    ("802.3ad-down", ["a2 of bond0 carries nothing because its link is down"]),
    (
      "802.3ad-nopartner",
      [
        "bond0 uses one link because nothing at the other end speaks LACP; switch it on for "
          + "these ports of the switch"
      ]
    ),
    (
      "802.3ad-split",
      ["a1 of bond0 carries nothing because nothing at its other end speaks LACP"]
    ),
    ("802.3ad", []),
    ("tlb-static", []),
  ])
  func `what keeps links idle is said in one sentence`(mode: String, said: [String]) throws {
    let host = try bondHost(mode)
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(topology.advice.map(\.description) == said)
  }

  @Test(arguments: BondMode.allCases)
  func `every mode that wastes or reorders says so`(mode: BondMode) throws {
    let host = try bondHost(mode.rawValue)
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(topology.advice.isEmpty == (mode == .ieee8023ad))
  }

  @Test func `a member that is switched off comes with the command`() throws {
    var host = try bondHost("802.3ad-down")
    let index = try #require(host.states.firstIndex { $0.name == "a2" })
    host.states[index].isEnabled = false
    let topology = try Topology.toward(peer: peer, peerPort: 27243, host: host)
    #expect(topology.advice.map(\.command) == ["ip link set a2 up"])
  }
}
