import Simulation
import Testing

@Suite struct TopologyTests {
  // Seeds that need few steps; `simulate --links --count` runs the many.

  @Test func `unequal links behind a switch are full, and the connections settled`() throws {
    try expectFullLinks(28)
  }

  @Test func `a link that chance has missed is found, although slow links seem to stand still`()
    throws
  {
    try expectFullLinks(30)
  }

  @Test func `over a long path the choice of connections ends, and is not begun again`() throws {
    try expectFullLinks(79)
  }

  private func expectFullLinks(_ seed: UInt64) throws {
    let report = Simulator(seed: seed, endpoints: .links).run()
    #expect(report.failure == nil, "swift run -c release simulate --links --seed \(seed)")
    let use = try #require(report.use)
    #expect(use.permille >= 950)
    #expect(use.changeCount <= 4)
  }
}
