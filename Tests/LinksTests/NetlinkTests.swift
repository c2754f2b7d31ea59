import Testing

@testable import Links

struct NetlinkTests {
  func query(_ destination: String, _ source: String, port: UInt16?, all: Bool = false) throws
    -> RouteQuery
  {
    RouteQuery(
      destination: try #require(IPAddress(destination)),
      source: IPAddress(source),
      sourcePort: port,
      destinationPort: 27243,
      wantsAllHops: all
    )
  }

  func message(_ recorded: String) throws -> NetlinkMessage {
    let messages = try #require(NetlinkMessage.parse(bytes(recorded)[...]))
    return try #require(messages.first)
  }

  func route(_ recorded: String) throws -> Route {
    try #require(Route(body: try message(recorded).body))
  }

  @Test func `queries are the bytes that the kernel was seen to answer`() throws {
    let four = try query("10.88.0.2", "10.77.0.1", port: 40000)
    #expect(four.message(sequence: 1) == bytes(RecordedNetlink.query4))
    let all = try query("10.88.0.2", "10.77.0.1", port: nil, all: true)
    #expect(all.message(sequence: 1) == bytes(RecordedNetlink.query4All))
    let six = try query("fd88::2", "fd77:1::1", port: 40000)
    #expect(six.message(sequence: 1) == bytes(RecordedNetlink.query6))
  }

  @Test func `a route's interface, gateway and source are read`() throws {
    let four = try route(RecordedNetlink.route4)
    #expect(!four.isLocal)
    let gateway = IPAddress("10.77.2.2")
    #expect(four.hops == [NextHop(interfaceIndex: 5, gateway: gateway, weight: 1)])
    let six = try route(RecordedNetlink.route6)
    #expect(six.hops.map(\.gateway) == [IPAddress("fd77:2::2")])
    #expect(six.preferredSource == IPAddress("fd77:2::1"))
    let bond = try route(RecordedNetlink.bondRoute)
    #expect(bond.preferredSource == IPAddress("10.9.0.1"))
    #expect(bond.hops == [NextHop(interfaceIndex: 2, gateway: nil, weight: 1)])
  }

  @Test func `all next hops are listed with their weights`() throws {
    let four = try route(RecordedNetlink.route4All)
    #expect(four.preferredSource == IPAddress("10.77.0.1"))
    #expect(four.hops.map(\.interfaceIndex) == [3, 5])
    #expect(four.hops.map(\.gateway) == [IPAddress("10.77.1.2"), IPAddress("10.77.2.2")])
    #expect(four.hops.map(\.weight) == [1, 3])
    let six = try route(RecordedNetlink.route6All)
    #expect(six.hops.map(\.interfaceIndex) == [5, 3])
    #expect(try route(RecordedNetlink.bondRouteAll).hops.map(\.interfaceIndex) == [2])
  }

  @Test func `local addresses and missing routes are told apart`() throws {
    #expect(try route(RecordedNetlink.localRoute).isLocal)
    #expect(try message(RecordedNetlink.noRoute).errorNumber == -101)
    #expect(try message(RecordedNetlink.localRoute).errorNumber == nil)
  }

  @Test func `interfaces are read with what they lie on`() throws {
    let messages = try #require(NetlinkMessage.parse(bytes(RecordedNetlink.bondLinks)[...]))
    let links = messages.filter { $0.type == Netlink.newLink }
      .compactMap { LinkState(body: $0.body) }
    #expect(links.map(\.name) == ["lo", "bond0", "a1", "a2", "bond0.77"])
    #expect(links.map(\.kind) == [nil, "bond", "veth", "veth", "vlan"])
    #expect(links.map(\.masterIndex) == [nil, nil, 2, 2, nil])
    #expect(links.map(\.vlan) == [nil, nil, nil, nil, 77])
    #expect(links.last?.lowerIndex == 2)
    #expect(links.map(\.isLoopback) == [true, false, false, false, false])
    #expect(links.allSatisfy { $0.isUp && $0.isEnabled })
    #expect(links[1].address == MACAddress("42:73:52:b1:27:05"))
    #expect(messages.last?.type == Netlink.done)
  }

  @Test func `counters and neighbours are read`() throws {
    let body = try message(RecordedNetlink.statistics).body
    let counters = try #require(LinkCounters(body: body))
    #expect(counters.interfaceIndex == 3)
    #expect(counters.receivedBytes == 0x5a && counters.sentBytes == 0xdc)
    let neighbour = try message(RecordedNetlink.bondNeighbour).body
    #expect(Neighbour.address(body: neighbour) == MACAddress("d6:46:82:b4:e1:d9"))
    #expect(
      LinkCounters.message(interfaceIndex: 3, sequence: 1)
        == bytes("1c0000005e0001000100000000000000000000000300000001000000")
    )
    #expect(LinkState.dumpMessage(sequence: 1).count == 40)
  }

  @Test func `bytes that were cut or changed never trap`() throws {
    var generator = SplitMix(state: 1)
    let recorded = [
      RecordedNetlink.bondLinks, RecordedNetlink.route4All, RecordedNetlink.route6All,
      RecordedNetlink.statistics, RecordedNetlink.bondNeighbour, RecordedNetlink.noRoute,
    ]
    // 300 rounds of each take a tenth of a second and reach every length field many times.
    for original in recorded.map({ bytes($0) }) {
      for _ in 0..<300 {
        var changed = Array(original.prefix(Int.random(in: 0...original.count, using: &generator)))
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !changed.isEmpty {
          let index = Int.random(in: changed.indices, using: &generator)
          changed[index] = UInt8.random(in: 0...255, using: &generator)
        }
        for message in NetlinkMessage.parse(changed[...]) ?? [] {
          _ = message.errorNumber
          _ = LinkState(body: message.body)
          _ = Route(body: message.body)
          _ = LinkCounters(body: message.body)
          _ = Neighbour.address(body: message.body)
        }
      }
    }
  }
}

/// A small seeded generator (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
