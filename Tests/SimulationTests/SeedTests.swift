import Simulation
import Testing

@Suite struct SeedTests {
  /// As many as a debug build manages in a few seconds; `simulate --count` runs the many.
  static let seeds: ClosedRange<UInt64> = 1...650

  @Test func `every world of the first seeds ends as it should, and the rare paths are reached`() {
    var counts = [Int](repeating: 0, count: Mark.allCases.count)
    for seed in Self.seeds {
      let report = Simulator(seed: seed).run()
      if let failure = report.failure {
        Issue.record("swift run -c release simulate --seed \(seed) --trace: \(failure)")
      }
      for index in counts.indices { counts[index] += report.markCounts[index] }
    }
    let missed = Mark.allCases.filter { counts[$0.rawValue] == 0 }
    #expect(missed.isEmpty, "not reached: \(missed)")
  }
}
