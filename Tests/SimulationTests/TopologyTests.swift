import Simulation
import Testing

@Suite struct TopologyTests {
  /// Seeds that need few steps; `simulate --links --count` runs the many.
  @Test(arguments: [7, 28] as [UInt64])
  func `unequal links behind a switch are full, and the connections settled`(seed: UInt64) throws {
    let report = Simulator(seed: seed, endpoints: .links).run()
    #expect(report.failure == nil, "swift run -c release simulate --links --seed \(seed)")
    let use = try #require(report.use)
    #expect(use.permille >= 950)
    #expect(use.changeCount <= 4)
  }
}
