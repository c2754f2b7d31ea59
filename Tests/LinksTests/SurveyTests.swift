import Testing

@testable import Links

/// What `braid doctor` is told, on recorded hosts.
struct SurveyTests {
  func survey(_ mode: String) throws -> Survey {
    let host = try TopologyTests().bondHost(mode)
    return try #require(try Survey.below(interface: "bond0", host: host))
  }

  @Test(arguments: [
    ("802.3ad", ["a1 sends", "a2 sends"], false),
    ("802.3ad-down", ["a1 sends", "a2 down"], true),
    ("802.3ad-split", ["a1 waits", "a2 sends"], true),
    ("802.3ad-nopartner", nil, true),
    ("balance-xor", ["a1 sends", "a2 sends"], true),
    ("active-backup", nil, true),
    ("balance-rr", ["a1 sends", "a2 sends"], false),
  ])
  func `each member's state, and whether anything is to be changed`(
    mode: String,
    rows: [String]?,
    isIll: Bool
  ) throws {
    let survey = try survey(mode)
    let said = survey.rows(survey.hops[0]).map { "\($0.name) \($0.state)" }.sorted()
    if let rows { #expect(said == rows) }
    #expect(said.count == 2 && said.contains { $0.hasSuffix("sends") })
    #expect(survey.complaints.isEmpty != isIll)
    #expect(survey.remarks.allSatisfy { $0.weight == .remark })
  }

  @Test func `in active-backup one sends and one waits`() throws {
    let survey = try survey("active-backup")
    #expect(Set(survey.rows(survey.hops[0]).map(\.state)) == ["sends", "waits"])
    let sentence = try #require(survey.complaints.first).sentence
    #expect(sentence.hasPrefix("bond0 sends everything to one peer over one link because"))
  }

  @Test func `bonds are found by themselves, and what is no interface is none`() throws {
    let host = try TopologyTests().bondHost("802.3ad")
    #expect(try Survey.bonds(host: host) == ["bond0"])
    #expect(try Survey.below(interface: "eth9", host: host) == nil)
    let plain = try #require(try Survey.below(interface: "a1", host: host))
    #expect(plain.rows(plain.hops[0]).map(\.name) == ["a1"] && plain.complaints.isEmpty)
    let vlan = try #require(try Survey.below(interface: "bond0.77", host: host))
    #expect(vlan.hops[0].layers == ["bond0.77", "bond0"])
  }

  @Test(arguments: [
    ("802.3ad-nopartner", "bond0: 802.3ad, hash layer3+4, no LACP partner"),
    ("balance-xor", "bond0: balance-xor, hash layer2"),
    ("active-backup", "bond0: active-backup"),
  ])
  func `a bond in one line`(mode: String, line: String) throws {
    let survey = try survey(mode)
    #expect(try #require(survey.hops[0].bond).summary.hasPrefix(line))
  }
}
