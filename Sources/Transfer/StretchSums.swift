/// What the bytes of an output add up to, stretch by stretch, so that it can be compared with itself
/// when it is read back.
///
/// The sums are those of `Action.sum`: they may be taken in pieces of any length, in any order, and
/// zeros count nothing. So neither frames nor holes need be remembered, and a table of fixed size
/// serves a stream of any length: where it is too short, each two stretches become one.
struct StretchSums {
  /// All that an earlier run has written is one stretch more.
  private(set) var earlier: (end: UInt64, sum: UInt64) = (0, 0)
  /// A power of two, and no less than a frame.
  private(set) var stretchByteCount = Limits.smallestStretch
  private var sums: [UInt64] = []
  /// All stretches before this one were found equal.
  private var comparedCount = 0

  /// Takes in what an earlier run has noted; before anything is added.
  mutating func start(at offset: UInt64, sum: UInt64) {
    precondition(sums.isEmpty, "an earlier run comes first")
    earlier = (offset, sum)
  }

  /// Cuts a piece of the stream where stretches end; each part is added for itself.
  func parts(of piece: Range<UInt64>) -> [Range<UInt64>] {
    var parts: [Range<UInt64>] = []
    var start = piece.lowerBound
    // Pieces are no longer than a stretch, so there are three parts at most.
    while start < piece.upperBound {
      let (next, overflows) = (start & ~(stretchByteCount - 1)).addingReportingOverflow(
        stretchByteCount
      )
      var end = overflows ? piece.upperBound : min(next, piece.upperBound)
      if start < earlier.end { end = min(end, earlier.end) }
      parts.append(start..<end)
      start = end
    }
    return parts
  }

  /// Adds the sum of a part that begins at an offset.
  mutating func add(_ sum: UInt64, at offset: UInt64) {
    if offset < earlier.end {
      earlier.sum &+= sum
      return
    }
    cover(offset)
    let index = Int(offset / stretchByteCount)
    if index >= sums.count { sums += Array(repeating: 0, count: index + 1 - sums.count) }
    sums[index] &+= sum
  }

  /// Takes away the sum of a part that was read back.
  mutating func subtract(_ sum: UInt64, at offset: UInt64) { add(0 &- sum, at: offset) }

  /// Makes stretches so long that the table reaches up to an offset.
  mutating func cover(_ offset: UInt64) {
    // Each turn doubles them: 44 at most.
    while offset / stretchByteCount >= UInt64(Limits.stretchCount) { coarsen() }
  }

  private mutating func coarsen() {
    stretchByteCount *= 2
    for index in 0..<(sums.count + 1) / 2 {
      let second = index * 2 + 1 < sums.count ? sums[index * 2 + 1] : 0
      sums[index] = sums[index * 2] &+ second
    }
    sums.removeLast(sums.count / 2)
  }

  /// Looks for a stretch of which something is left although all of it was read back.
  ///
  /// - Parameters:
  ///   - offset: all bytes below it were read back.
  ///   - end: length of the stream.
  /// - Returns: the first; nil if there is none.
  mutating func difference(below offset: UInt64, of end: UInt64) -> Range<UInt64>? {
    if offset >= earlier.end, earlier.sum != 0 { return 0..<earlier.end }
    while comparedCount < sums.count {
      let start = UInt64(comparedCount) * stretchByteCount
      let stop = min(start + stretchByteCount, end)
      guard offset >= stop else { break }
      if sums[comparedCount] != 0 { return max(start, earlier.end)..<max(stop, earlier.end) }
      comparedCount += 1
    }
    return nil
  }
}
