// Goal: little is read ahead as long as that keeps the connections busy, and more as soon as not.
// Method: by hand, moment by moment. A failure here means: links idle while a source pauses, or
// slots that never come back into the processor's cache.
import Testing

@testable import Transfer

@Suite struct ReadAheadTests {
  private func at(_ microseconds: Int64) -> Instant { Instant(nanoseconds: microseconds * 1000) }

  /// A source that has filled all that may be read ahead, and then pauses.
  private func pause(_ readAhead: inout ReadAhead, for microseconds: Int64) {
    _ = readAhead.wantsMore(than: readAhead.frameCount)
    readAhead.didRunDry(at: at(0))
    readAhead.didRunDry(at: at(microseconds / 2))
    readAhead.didServe(at: at(microseconds))
  }

  @Test(arguments: [(4096, 512), (64 << 10, 32), (256 << 10, 8), (1 << 20, 8)])
  func `it begins with 2 MiB, and a frame for each connection`(_ byteCount: Int, _ count: Int) {
    var readAhead = ReadAhead(frameByteCount: byteCount)
    #expect(readAhead.frameCount == count)
    let answers = [count - 1, count].map { readAhead.wantsMore(than: $0) }
    #expect(answers == [true, false])
  }

  @Test func `a source that drains it by a long pause doubles it`() {
    var readAhead = ReadAhead(frameByteCount: 256 << 10)
    pause(&readAhead, for: 1999)
    #expect(readAhead.frameCount == 8)
    pause(&readAhead, for: 2000)
    #expect(readAhead.frameCount == 16)
    for _ in 0..<20 { pause(&readAhead, for: 5000) }
    #expect(readAhead.frameCount == Limits.slotCountMaximum)
  }

  @Test func `a source that is always too slow changes nothing`() {
    var readAhead = ReadAhead(frameByteCount: 256 << 10)
    for second: Int64 in 0..<10 {
      _ = readAhead.wantsMore(than: 7)
      readAhead.didRunDry(at: at(second * 1_000_000))
      readAhead.didServe(at: at(second * 1_000_000 + 900_000))
    }
    #expect(readAhead.frameCount == 8)
  }

  @Test func `what was served without waiting is no pause`() {
    var readAhead = ReadAhead(frameByteCount: 256 << 10)
    pause(&readAhead, for: 10)
    _ = readAhead.wantsMore(than: 8)
    readAhead.didServe(at: at(1_000_000))
    #expect(readAhead.frameCount == 8)
  }
}
