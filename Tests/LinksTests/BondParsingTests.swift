import Links
import Testing

struct BondParsingTests {
  @Test(arguments: ["5.10", "6.1", "6.12"])
  func `every mode's text of every kernel is read`(kernel: String) throws {
    let texts = try #require(RecordedBonds.all[kernel])
    let modes = BondMode.allCases.map(\.rawValue)
    #expect(modes.allSatisfy { texts.keys.contains($0) })
    for (name, text) in texts {
      let bond = try #require(Bond(name: "bond0", procText: text), "\(name)")
      #expect(bond.members.map(\.name) == ["a2", "a1"], "\(name)")
      #expect(bond.members.allSatisfy { $0.speed == 10_000_000_000 }, "\(name)")
      #expect(bond.members.allSatisfy { $0.hardwareAddress?.isZero == false }, "\(name)")
      if modes.contains(name) {
        #expect(bond.mode.rawValue == name)
        #expect(bond.members.map(\.isUp) == [true, true], "\(name)")
        #expect(bond.sendingMembers == (bond.mode == .activeBackup ? [0] : [0, 1]), "\(name)")
      }
    }
  }

  @Test(arguments: ["5.10", "6.1", "6.12"])
  func `an aggregate's partner and aggregator are read`(kernel: String) throws {
    let texts = try #require(RecordedBonds.all[kernel])
    let text = try #require(texts["802.3ad"])
    let bond = try #require(Bond(name: "bond0", procText: text))
    #expect(bond.policy == .layer34)
    #expect(bond.activeAggregator == 1)
    #expect(bond.partner?.isZero == false)
    #expect(bond.members.map(\.aggregator) == [1, 1])
    #expect(bond.members.map(\.isDistributing) == [true, true])
    #expect(bond.members.map(\.partner) == [bond.partner, bond.partner])
  }

  @Test func `the members that send are those that sysfs calls active`() throws {
    for (name, text) in try #require(RecordedBonds.all["6.1"]) {
      let files = RecordedBonds.sysfs(name)
      let fromProc = try #require(Bond(name: "bond0", procText: text))
      var both = fromProc
      both.addSysfs { files[$0] }
      let fromSysfs = try #require(Bond(name: "bond0", sysfs: { files[$0] }))
      let active = both.members.indices.filter {
        files[both.members[$0].name + "/bonding_slave/state"] == "active\n"
      }
      let up = active.filter { both.members[$0].isUp }
      #expect(both.sendingMembers == up, "\(name)")
      #expect(fromProc.sendingMembers == up, "\(name)")
      #expect(fromSysfs.sendingMembers == up, "\(name)")
      #expect(fromSysfs.mode == both.mode && fromSysfs.policy == both.policy, "\(name)")
    }
  }

  @Test func `without the right to see LACP the larger aggregate is taken`() throws {
    // What an unprivileged reader gets: bond_procfs.c leaves out what needs CAP_NET_ADMIN.
    let text = try #require(RecordedBonds.lacp61["802.3ad-split"])
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let seen = lines.filter { !$0.hasPrefix("\t") && !$0.hasPrefix("    ") && $0.last != ":" }
    var bond = try #require(Bond(name: "bond0", procText: seen.joined(separator: "\n")))
    #expect(bond.activeAggregator == nil && bond.partner == nil)
    #expect(bond.sendingMembers == [0])
    bond.members[0].aggregator = 7
    bond.members[1].aggregator = 7
    #expect(bond.sendingMembers == [0, 1])
  }

  @Test func `unknown speeds and states are told from known ones`() throws {
    // Composed after bond_procfs.c: no machine here has such links.
    let text = """
      Ethernet Channel Bonding Driver: v5.15.0

      Bonding Mode: fault-tolerance (active-backup) (fail_over_mac active)
      Primary Slave: eth0 (primary_reselect always)
      Currently Active Slave: None
      MII Status: down
      ARP IP target/s (n.n.n.n form): 10.0.0.1, 10.0.0.2
      NS IPv6 target/s (xx::xx form): fe80::1

      Slave Interface: eth0
      MII Status: going back
      Speed: Unknown
      Duplex: Unknown
      Link Failure Count: 3
      Permanent HW addr: 00:11:22:aa:bb:cc
      Slave queue ID: 0

      Slave Interface: ib0
      MII Status: going down
      Speed: -1 Mbps
      Permanent HW addr: 80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:01:02:03
      Some Line Of The Future: 7
      """
    let bond = try #require(Bond(name: "bond1", procText: text))
    #expect(bond.mode == .activeBackup)
    #expect(bond.activeMember == nil)
    #expect(bond.members.map(\.speed) == [nil, nil])
    #expect(bond.members.map(\.isUp) == [false, false])
    #expect(bond.members.map { $0.hardwareAddress?.description } == ["00:11:22:aa:bb:cc", nil])
    #expect(bond.sendingMembers.isEmpty)
  }

  @Test func `what is no bond is refused`() {
    #expect(Bond(name: "bond0", procText: "") == nil)
    #expect(Bond(name: "bond0", procText: "Bonding Mode: quantum entanglement\n") == nil)
    #expect(Bond(name: "eth0", sysfs: { _ in nil }) == nil)
  }

  @Test func `sysfs of another namespace is not mixed in`() throws {
    let text = try #require(RecordedBonds.linux61["balance-xor"])
    var bond = try #require(Bond(name: "bond0", procText: text))
    let before = bond
    bond.addSysfs { $0 == "bond0/bonding/slaves" ? "eth0 eth1\n" : "0\n" }
    #expect(bond == before)
  }
}
