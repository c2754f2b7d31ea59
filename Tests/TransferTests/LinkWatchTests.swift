// Goal: idle links are found and mended with ever more patience, and never when something else is
// the limit. Method: counters once a second. A failure here means: links stay idle, or connections
// are opened for nothing.
import Testing

@testable import Transfer

@Suite struct LinkWatchTests {
  private var watch = LinkWatch()
  private var second: Int64 = 0
  private var counters: [UInt64] = [0, 0, 0]

  /// One second in which the links here carry so much; the one there carries all of it.
  private mutating func look(
    _ byteCounts: [UInt64],
    isBusy: Bool = true,
    possible: Int64? = nil,
    canMend: Bool = true
  ) -> LinkWatch.Finding {
    for _ in 0..<4 { watch.note(isBusy: isBusy) }
    for index in counters.indices { counters[index] += byteCounts[index] }
    second += 1
    return watch.look(
      local: counters,
      remote: [counters.reduce(0, &+)],
      possible: possible,
      canMend: canMend,
      at: Instant(nanoseconds: second * 1_000_000_000)
    )
  }

  @Test mutating func `a link that is idle at two looks in a row is found`() {
    _ = look([0, 0, 0])
    #expect(look([1000, 1000, 0]).isEmpty)
    #expect(look([1000, 1000, 0]).local == [2])
  }

  @Test mutating func `a slow link is not an idle one`() {
    for _ in 0..<10 { #expect(look([100_000, 100_000, 4000]).isEmpty) }
  }

  @Test mutating func `nothing is found while the source or the sink is the limit`() {
    for _ in 0..<10 { #expect(look([1000, 1000, 0], isBusy: false).isEmpty) }
  }

  @Test mutating func `nothing is missed while the others carry all that is possible`() {
    // 2 MB a second are 16 Mbit/s.
    let both: [UInt64] = [1_000_000, 1_000_000, 0]
    for _ in 0..<10 { #expect(look(both, possible: 16_800).isEmpty) }
    // They could carry more; or carry more than is said to be possible, which says nothing then.
    for possible: Int64 in [18_000, 14_000] {
      watch = LinkWatch()
      _ = look(both, possible: possible)
      _ = look(both, possible: possible)
      #expect(look(both, possible: possible).local == [2])
    }
  }

  @Test mutating func `counters that nobody can have are no trap`() {
    _ = look([1 << 63, 1 << 63, 0], possible: 1_000_000)
    counters = [0, 0, 0]
    _ = look([1 << 62, 1 << 62, 0], possible: 1_000_000)
    counters = [0, 0, 0]
    _ = look([.max, .max, .max], possible: 1_000_000)
  }

  @Test mutating func `what broken connections explain is no attempt`() {
    for _ in 0..<10 { #expect(look([1000, 1000, 0], canMend: false).isEmpty) }
    #expect(watch.attemptCount == 0)
    #expect(look([1000, 1000, 0]).local == [2])
  }

  @Test mutating func `attempts become rare, and the link is named in the end`() {
    var attempts: [Int] = []
    for number in 0..<200 where !look([1000, 1000, 0]).isEmpty { attempts.append(number) }
    let pauses = zip(attempts.dropFirst(), attempts).map { $0 - $1 }
    #expect(pauses.first ?? 0 <= 3)
    #expect(pauses.last == 32)
    #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 >= $1 })
    #expect(watch.unmended.local == [2])
  }

  @Test mutating func `a link that comes back is forgotten`() {
    for _ in 0..<20 { _ = look([1000, 1000, 0]) }
    for _ in 0..<2 { _ = look([1000, 1000, 1000]) }
    #expect(watch.attemptCount == 0)
    #expect(watch.unmended.isEmpty)
  }
}
