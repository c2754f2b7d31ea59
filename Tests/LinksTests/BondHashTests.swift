import Links
import Testing

struct BondHashTests {
  /// One measured run: a bond, the connections over it and the members that carried them.
  struct Run {
    var kernel: String
    var bond: Bond
    var flow: Flow
    var placements: [(port: UInt16, member: String)]
  }

  static func runs() throws -> [Run] {
    try RecordedBonds.placements.split(separator: "\n\n").map { paragraph in
      let lines = paragraph.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      var bond = Bond(name: "bond0", mode: try #require(BondMode(rawValue: lines[0][1])))
      bond.policy = HashPolicy(rawValue: lines[0][2])
      bond.activeAggregator = 1
      bond.members = lines[2][2].split(separator: ",").map {
        var member = Bond.Member(name: String($0), isUp: true)
        member.aggregator = 1
        return member
      }
      var flow = Flow(
        source: try #require(IPAddress(lines[1][0])),
        destination: try #require(IPAddress(lines[1][1])),
        sourcePort: 0,
        destinationPort: 27243
      )
      flow.sourceMAC = MACAddress(lines[2][0])
      flow.destinationMAC = MACAddress(lines[2][1])
      flow.vlan = UInt16(lines[2][3])
      let placements = try lines[3...].joined().map { pair in
        let parts = pair.split(separator: "=")
        return (port: try #require(UInt16(parts[0])), member: String(parts[1]))
      }
      return Run(kernel: lines[0][0], bond: bond, flow: flow, placements: placements)
    }
  }

  @Test func `every member that the driver chose was foreseen`() throws {
    var checked: [String: Int] = [:]
    for run in try Self.runs() {
      let rules = BondHash(kernelRelease: run.kernel, isLittleEndian: true)
      for placement in run.placements {
        var flow = run.flow
        flow.sourcePort = placement.port
        let member = run.bond.member(carrying: flow, rules: rules)
        let name = member.map { run.bond.members[$0].name }
        #expect(
          name == placement.member,
          "\(run.kernel) \(run.bond.mode) \(String(describing: run.bond.policy)) \(flow)"
        )
        checked[String(run.kernel.prefix { $0 != "-" }), default: 0] += 1
      }
    }
    #expect(checked.count == 3 && checked.values.allSatisfy { $0 > 300 })
    #expect(checked.values.reduce(0, +) == 1412)
  }

  @Test func `ports that differ in the lowest bit share a link`() throws {
    let rules = BondHash(kernelRelease: "6.12.0", isLittleEndian: true)
    var flow = Flow(
      source: try #require(IPAddress("10.9.0.1")),
      destination: try #require(IPAddress("10.9.0.2")),
      sourcePort: 40000,
      destinationPort: 27243
    )
    let even = rules.hash(flow, policy: .layer34)
    flow.sourcePort = 40001
    // On a little-endian host the lowest bit of the port is bit 8 of the number, and is folded
    // onto the lowest bit, which is dropped.
    #expect(rules.hash(flow, policy: .layer34) != nil)
    #expect(even.map { $0 % 4 } == rules.hash(flow, policy: .layer34).map { $0 % 4 })
  }

  @Test func `what cannot be known is not claimed`() throws {
    let rules = BondHash(kernelRelease: "6.1.0")
    let flow = Flow(
      source: try #require(IPAddress("10.9.0.1")),
      destination: try #require(IPAddress("10.9.0.2")),
      sourcePort: 40000,
      destinationPort: 27243
    )
    // Measured on three kernels: the member of encap3+4 agreed with the hash of layer3+4 for 65
    // of 240 connections, that is by chance.
    #expect(rules.hash(flow, policy: .encap34) == nil)
    #expect(rules.hash(flow, policy: .layer2) == nil)
    #expect(rules.hash(flow, policy: .layer23) == nil)
    #expect(rules.hash(flow, policy: .vlanSourceMAC) == nil)
    // Distributions' 5.15 to 5.17 differ in the lowest bit.
    #expect(BondHash(kernelRelease: "5.15.0-91-generic").dropsLowestBitAlways == nil)
    #expect(BondHash(kernelRelease: "5.18.0").dropsLowestBitAlways == false)
    #expect(BondHash(kernelRelease: "5.10.0-30-amd64").dropsLowestBitAlways == true)
  }

  @Test(arguments: [
    ("balance-rr", Spread.perPacket), ("active-backup", .one), ("balance-xor", .one),
    ("broadcast", .copies), ("balance-tlb", .one), ("tlb-static", .byPort),
    ("balance-alb", .one), ("802.3ad", .byPort), ("802.3ad-down", .one),
    ("802.3ad-nopartner", .one), ("xor-vlan-srcmac", .one),
  ])
  func `a mode says how connections spread`(mode: String, spread: Spread) throws {
    let text = try #require(RecordedBonds.all["6.1"]?[mode])
    var bond = try #require(Bond(name: "bond0", procText: text))
    bond.addSysfs { RecordedBonds.sysfs(mode)[$0] }
    #expect(bond.spread == spread)
  }

  @Test func `addresses are read and written`() throws {
    let texts = [
      "10.9.0.1", "::", "::1", "1::", "fd77:1::1", "2001:db8:aaaa:17:9c1f:22ff:fe01:1234",
      "1:0:0:2::3", "fe80::1:0:0:1",
    ]
    for text in texts { #expect(IPAddress(text)?.description == text) }
    for text in ["", "10.9.0", "1::2::3", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::", "1:"] {
      #expect(IPAddress(text) == nil, "\(text)")
    }
    let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 10, 9, 0, 1]
    #expect(IPAddress(bytes: mapped) == IPAddress("10.9.0.1"))
    #expect(IPAddress("127.3.2.1")?.isLoopback == true && IPAddress("::1")?.isLoopback == true)
  }
}
