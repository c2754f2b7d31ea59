/// Where an input has data and where holes, as far as it was asked.
///
/// Frames end where a hole of some length begins, and go on over shorter ones: a file that changes
/// between data and holes with every block would else be sent in frames of a block each.
struct SourceMap {
  /// What to do at an offset.
  enum Step: Equatable {
    /// Ask where the next data are, from this offset on.
    case locate(UInt64)
    /// Read up to this offset.
    case read(until: UInt64)
    /// There are zeros up to this offset.
    case hole(until: UInt64)
  }

  /// Length of the input, in bytes.
  let byteCount: UInt64
  /// What comes next is read up to here.
  private var dataEnd: UInt64
  /// From `dataEnd` up to here is a hole; where both are equal, nobody has asked what follows.
  private var holeEnd: UInt64

  /// Granularity of holes in bytes: a page, so that what is written keeps its alignment.
  private static let unit: UInt64 = 4096

  /// A map of an input that may be asked, or of one without holes.
  init(byteCount: UInt64, hasHoles: Bool) {
    self.byteCount = byteCount
    dataEnd = hasHoles ? 0 : byteCount
    holeEnd = dataEnd
  }

  /// What to do at an offset; offsets come in order, each where the step before it ended.
  func step(at offset: UInt64, frameByteCount: Int) -> Step {
    if offset < dataEnd {
      let isKnown = dataEnd == byteCount || holeEnd > dataEnd
      let full = UInt64(frameByteCount)
      if dataEnd - offset >= full { return .read(until: offset + full) }
      return isKnown ? .read(until: dataEnd) : .locate(dataEnd)
    }
    if offset < holeEnd { return .hole(until: min(holeEnd, offset + Limits.holeByteCount)) }
    return .locate(offset)
  }

  /// Takes in where the next data are: from `data.lowerBound`, no less than `offset`, up to the next
  /// hole; empty at the end of the input if none follow.
  ///
  /// Each answer leads on by a page at least, so that asking ends.
  mutating func didLocate(from offset: UInt64, data: Range<UInt64>) {
    let start = max(min(data.lowerBound, byteCount), offset) & ~(Self.unit - 1)
    let isAtEnd = data.lowerBound >= byteCount
    let holeStart = max(offset, dataEnd)
    let until = isAtEnd ? byteCount : start
    if until > holeStart, until - holeStart >= Limits.smallestHole {
      holeEnd = until
      return
    }
    let end = min(max(data.upperBound, holeStart + 1), byteCount)
    let (rounded, overflows) = end.addingReportingOverflow(Self.unit - 1)
    dataEnd = isAtEnd || overflows ? byteCount : min(rounded & ~(Self.unit - 1), byteCount)
    holeEnd = dataEnd
  }
}
