import Testing

@testable import Transfer

@Suite struct RateEstimatorTests {
  private var estimator = RateEstimator()

  private func at(_ milliseconds: Int) -> Instant {
    Instant(nanoseconds: Int64(milliseconds) * 1_000_000)
  }

  @Test mutating func `pauses between short bursts do not count`() {
    for burst in 0..<10 {
      estimator.didBecomeBusy(at: at(burst * 300))
      estimator.didDeliver(1_000_000, isIdle: true, at: at(burst * 300 + 5))
    }
    #expect(estimator.bytesPerSecond == 200_000_000)
  }

  @Test mutating func `what comes without a break is averaged over windows`() {
    estimator.didBecomeBusy(at: at(0))
    for step in 1...100 { estimator.didDeliver(100_000, isIdle: false, at: at(step * 10)) }
    #expect(estimator.bytesPerSecond == 10_000_000)
  }

  @Test mutating func `a trial replaces what small frames have taught`() {
    for line in 0..<100 {
      estimator.didBecomeBusy(at: at(line * 10))
      estimator.didDeliver(100, isIdle: true, at: at(line * 10 + 1))
    }
    #expect(estimator.bytesPerSecond == 100_000)
    estimator.didBecomeBusy(isTrial: true, at: at(2000))
    estimator.didWait(at: at(2150))
    estimator.didDeliver(200_000, isIdle: true, at: at(2200))
    #expect(estimator.bytesPerSecond == 1_000_000)
  }

  @Test mutating func `the rate falls while nothing comes, but not while nothing is on the way`() {
    estimator.didBecomeBusy(at: at(0))
    estimator.didDeliver(1_000_000, isIdle: true, at: at(50))
    estimator.didWait(at: at(1000))
    #expect(estimator.bytesPerSecond == 20_000_000)
    estimator.didBecomeBusy(at: at(1000))
    estimator.didWait(at: at(1100))
    #expect(estimator.bytesPerSecond == 15_000_000)
  }

  @Test mutating func `over a long path what comes in bursts, once a round trip, is one rate`() {
    estimator.didMeasure(roundTrip: .milliseconds(120))
    estimator.didBecomeBusy(at: at(0))
    for burst in 1...30 {
      for step in 0..<6 {
        estimator.didDeliver(100_000, isIdle: false, at: at(burst * 120 + step * 10))
        guard burst > 20 else { continue }
        #expect((4_900_000...5_000_000).contains(estimator.bytesPerSecond))
      }
    }
  }
}
