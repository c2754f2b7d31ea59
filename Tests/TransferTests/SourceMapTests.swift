import Testing

@testable import Transfer

// Goal: every byte of an input is read or known to be zero, once, in order, with few questions.
// Method: maps with data at random places, walked to the end against the plain list of data.
// Failure: data taken for a hole, a step that does not lead on, too many steps.
@Suite struct SourceMapTests {
  private static let frame = 262_144

  /// A seeded source, so that a failure comes again.
  private struct Source: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 20
    }
  }

  /// Walks through the map; the input's data are as the list says.
  private func walk(_ byteCount: UInt64, _ data: [Range<UInt64>]) -> [SourceMap.Step] {
    var map = SourceMap(byteCount: byteCount, hasHoles: true)
    var steps: [SourceMap.Step] = []
    var offset: UInt64 = 0
    while offset < byteCount, steps.count < 10_000 {
      let step = map.step(at: offset, frameByteCount: Self.frame)
      switch step {
      case .locate(let place):
        let next = data.first { $0.upperBound > place }
        let answer = next.map { max($0.lowerBound, place)..<$0.upperBound }
        map.didLocate(from: place, data: answer ?? byteCount..<byteCount)
      case .read(let end):
        #expect(end > offset && end <= byteCount && end - offset <= Self.frame)
        offset = end
      case .hole(let end):
        #expect(end > offset && end <= byteCount && end - offset <= Limits.holeByteCount)
        let isEmpty = !data.contains { $0.overlaps(offset..<end) }
        #expect(isEmpty, "data in \(offset)..<\(end) are taken for a hole")
        offset = end
      }
      steps.append(step)
    }
    #expect(offset == byteCount)
    return steps.filter { if case .locate = $0 { false } else { true } }
  }

  @Test(arguments: 1...200)
  func `random data are all read, and long holes are not`(seed: Int) {
    var random = Source(state: UInt64(seed) &* 7919)
    var data: [Range<UInt64>] = []
    var place: UInt64 = 0
    for _ in 0..<random.next() % 30 {
      place += random.next() % (seed % 2 == 0 ? 200_000 : 5000)
      let end = place + 1 + random.next() % 300_000
      data.append(place..<end)
      place = end + 1
    }
    let steps = walk(place + random.next() % 200_000, data)
    var read: UInt64 = 0
    var offset: UInt64 = 0
    for step in steps {
      if case .read(let end) = step { read += end - offset }
      switch step {
      case .read(let end), .hole(let end): offset = end
      case .locate: break
      }
    }
    let dataByteCount = data.reduce(0) { $0 + UInt64($1.count) }
    #expect(read <= dataByteCount + UInt64(data.count + 1) * (Limits.smallestHole + 2 * 4096))
  }

  @Test func `a terabyte of nothing is one step`() {
    #expect(walk(1 << 40, []) == [.hole(until: 1 << 40)])
    #expect(walk(1 << 41, []) == [.hole(until: 1 << 40), .hole(until: 1 << 41)])
  }

  @Test func `frames go on over short holes and end before long ones`() {
    let data = [0..<4096, 8192..<12_288, 1 << 20..<(1 << 20) + 1] as [Range<UInt64>]
    let steps: [SourceMap.Step] = [
      .read(until: 12_288), .hole(until: 1 << 20), .read(until: (1 << 20) + 1),
    ]
    #expect(walk((1 << 20) + 1, data) == steps)
  }

  @Test func `holes begin and end with pages`() {
    let data = [100..<200_001, 400_001..<500_000] as [Range<UInt64>]
    let steps: [SourceMap.Step] = [
      .read(until: 200_704), .hole(until: 397_312), .read(until: 500_000),
    ]
    #expect(walk(500_000, data) == steps)
  }

  @Test func `an input that cannot tell is data to its end, and answers without sense lead on`() {
    let map = SourceMap(byteCount: 1000, hasHoles: false)
    #expect(map.step(at: 0, frameByteCount: Self.frame) == .read(until: 1000))
    for answer in [0..<0, 5..<5, 0..<1, UInt64.max - 1..<UInt64.max] as [Range<UInt64>] {
      var map = SourceMap(byteCount: 100_000, hasHoles: true)
      map.didLocate(from: 0, data: answer)
      let step = map.step(at: 0, frameByteCount: 4096)
      #expect(step == .read(until: 4096) || step == .hole(until: 100_000), "\(answer): \(step)")
    }
  }
}
