import Testing

@testable import Transfer

// Goal: an output that is what was written is found equal, and one that is not is found out.
// Method: random pieces are added in random order and read back in other pieces, with short reads; in
// place of bytes any sum that may be taken in pieces.
// Failure: a difference that is none, one that is not seen, or said of another place.
@Suite struct ReadBackTests {
  /// A seeded source, so that a failure comes again.
  private struct Source: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 20
    }
  }

  /// What a piece adds up to: that of two parts is the sum of both.
  private func sum(_ piece: Range<UInt64>) -> UInt64 {
    func below(_ offset: UInt64) -> UInt64 {
      let value = offset &* 0xBF58_476D_1CE4_E5B9
      return (value ^ (value >> 31)) &* 0x94D0_49BB_1331_11EB
    }
    return below(piece.upperBound) &- below(piece.lowerBound)
  }

  /// Writes all of a stream in pieces of up to 1 MiB, behind what an earlier run has written.
  private func written(_ byteCount: UInt64, from start: UInt64, _ random: inout Source)
    -> StretchSums
  {
    var sums = StretchSums()
    sums.start(at: start, sum: sum(0..<start))
    var pieces: [Range<UInt64>] = []
    var offset = start
    while offset < byteCount {
      let end = min(offset + 1 + random.next() % (1 << 20), byteCount)
      pieces.append(offset..<end)
      offset = end
    }
    for piece in pieces.shuffled(using: &random) {
      for part in sums.parts(of: piece) { sums.add(sum(part), at: part.lowerBound) }
    }
    return sums
  }

  /// Reads all of it back; the byte at `damaged` is another one.
  private func difference(
    _ byteCount: UInt64,
    _ sums: StretchSums,
    damaged: UInt64?,
    _ random: inout Source
  ) -> Range<UInt64>? {
    var readBack = ReadBack(
      byteCount: byteCount,
      sums: sums,
      hasHoles: false,
      frameByteCount: 262_144
    )
    for index in 0..<4 { readBack.take(SlotID(index)) }
    var pieces: [Piece] = []
    while !readBack.isOver {
      while case .read(let piece) = readBack.nextStep() { pieces.append(piece) }
      let piece = pieces.remove(at: Int(random.next() % UInt64(pieces.count)))
      let count = random.next() % 2 == 0 ? piece.range.count : (piece.range.count + 1) / 2
      let (rest, parts) = readBack.didRead(piece.slot, byteCount: count)
      if let rest { pieces.append(rest) }
      for part in parts {
        let error: UInt64 = damaged.map { part.contains($0) ? 1 : 0 } ?? 0
        readBack.didSum(piece.slot, at: part.lowerBound, sum(part) &+ error)
      }
      if let range = readBack.difference() { return range }
    }
    return readBack.difference()
  }

  @Test(arguments: 1...60)
  func `what is equal is found equal, and one byte that is not is found`(seed: Int) {
    var random = Source(state: UInt64(seed) &* 7919)
    let byteCount = 1 + random.next() % (40 << 20)
    let start = seed % 3 == 0 ? random.next() % byteCount : 0
    let sums = written(byteCount, from: start, &random)
    #expect(difference(byteCount, sums, damaged: nil, &random) == nil)
    let damaged = random.next() % byteCount
    let found = difference(byteCount, sums, damaged: damaged, &random)
    #expect(found?.contains(damaged) == true)
    // As closely as a stretch, unless an earlier run wrote it.
    if damaged >= start { #expect(found.map { $0.count <= 1 << 20 } == true) }
  }

  @Test func `a longer stream has longer stretches, and no more of them`() {
    var random = Source(state: 1)
    var sums = written(3 << 20, from: 0, &random)
    let far: UInt64 = 1 << 40
    let last = sums.parts(of: far..<far + 1000)
    for part in last { sums.add(sum(part), at: part.lowerBound) }
    #expect(sums.stretchByteCount == far / UInt64(Limits.stretchCount) * 2)
    #expect(sums.difference(below: far + 1000, of: far + 1000)?.lowerBound == 0)
    sums.subtract(sum(0..<3 << 20), at: 0)
    #expect(sums.difference(below: far + 1000, of: far + 1000)?.contains(far) == true)
    for part in last { sums.subtract(sum(part), at: part.lowerBound) }
    #expect(sums.difference(below: far + 1000, of: far + 1000) == nil)
  }

  @Test func `the highest offsets overflow nothing`() {
    var sums = StretchSums()
    let piece = UInt64.max - 5..<UInt64.max
    for part in sums.parts(of: piece) { sums.add(1, at: part.lowerBound) }
    #expect(sums.stretchByteCount <= 1 << 63)
  }
}
