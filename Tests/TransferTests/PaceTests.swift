// Goal: a limit is never exceeded, hardly missed, and not taken for the links' fault.
// Method: frames of several sizes at moments as early as allowed, or later, at several rates.
// A failure here means: other traffic suffers, or a limited sender is slow or opens connections.
import Testing
import Wire

@testable import Transfer

@Suite struct PaceTests {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test(arguments: [100_000, 999_999, 80_000_000, 1_000_000_000_000])
  func `as early as allowed is exactly the limit`(rate: Int) {
    var pace = Pace(bitsPerSecond: rate)
    let frame = min(Pace.frameByteCount(bitsPerSecond: rate), 1 << 20)
    pace.didStart(byteCount: 0, at: at(5000))
    let start = pace.nextAt
    for _ in 0..<1000 {
      #expect(!pace.allowsFrame(at: Instant(nanoseconds: pace.nextAt.nanoseconds - 1)))
      pace.didStart(byteCount: frame, at: pace.nextAt)
    }
    let bits = Double(frame) * 8000
    let elapsed = Double(pace.nextAt.nanoseconds - start.nanoseconds) / 1_000_000_000
    #expect(bits / elapsed <= Double(rate) * 1.000001)
    #expect(bits / elapsed > Double(rate) * 0.97)
  }

  @Test func `a late frame is made up for, a pause is not`() {
    // 10,000 bytes take 10 ms.
    var pace = Pace(bitsPerSecond: 8_000_000)
    pace.didStart(byteCount: 0, at: at(1000))
    pace.didStart(byteCount: 20_000, at: at(1000))
    #expect(pace.nextAt == at(1000))
    pace.didStart(byteCount: 10_000, at: at(1005))
    #expect(pace.nextAt == at(1010))
    pace.didStart(byteCount: 10_000, at: at(60_000))
    #expect(pace.nextAt == at(59_990))
  }

  @Test(arguments: [
    (100_000, 4096), (1_638_400, 4096), (10_000_000, 24_576), (80_000_000, 196_608),
  ])
  func `a frame takes one step at most, but has a size that there is`(rate: Int, byteCount: Int) {
    #expect(Pace.frameByteCount(bitsPerSecond: rate) == byteCount)
  }

  @Test func `who keeps to the limit is not behind, and who cannot is`() {
    var pace = Pace(bitsPerSecond: 8_000_000)
    pace.didStart(byteCount: 10_000, at: at(1000))
    for number in 0..<100 as Range<Int64> {
      let now = at(1000 + number * 10 + number % 3)
      pace.didStart(byteCount: 10_000, at: now)
      if number > 0 { #expect(!pace.isBehind(at: now)) }
    }
    // Links that need 15 ms for what should take 10.
    for number in 0..<100 as Range<Int64> {
      let now = at(2000 + number * 15)
      pace.didStart(byteCount: 10_000, at: now)
      if number > 5 { #expect(pace.isBehind(at: now)) }
    }
  }

  @Test func `a sender has frames that fit its limit`() {
    func frameByteCount(_ role: Role) -> Int {
      var options = Options(role: role, opening: .listen, random: Fours())
      options.rateLimit = 10_000_000
      return Session(options, at: at(0)).frameByteCount
    }
    #expect(frameByteCount(.sender) == 24_576)
    #expect(frameByteCount(.receiver) == 256 << 10)
  }
}
