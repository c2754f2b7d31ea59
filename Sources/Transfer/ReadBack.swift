/// An output that is read back: what comes next, what is on its way, and whether it is what was
/// written.
struct ReadBack {
  /// One piece on its way from the disk.
  private struct Reading {
    var slot: SlotID
    var offset: UInt64
    var byteCount: Int
    var wantedByteCount: Int
  }

  /// What is to be done next.
  enum Step {
    /// Ask for the output's next data.
    case locate(UInt64)
    case read(Piece)
  }

  let byteCount: UInt64
  private let pieceByteCount: Int
  private var map: SourceMap
  private var sums: StretchSums
  private var nextOffset: UInt64 = 0
  private var free: [SlotID] = []
  private var readings: [Reading] = []

  /// Begins at the start.
  ///
  /// - Parameters:
  ///   - byteCount: length of the output.
  ///   - sums: what was written.
  ///   - hasHoles: whether the output can tell where it has none of its data.
  ///   - frameByteCount: size of a slot.
  init(byteCount: UInt64, sums: StretchSums, hasHoles: Bool, frameByteCount: Int) {
    self.byteCount = byteCount
    self.sums = sums
    // From here on the stretches stay as they are, so that parts of a piece do.
    self.sums.cover(byteCount)
    map = SourceMap(byteCount: byteCount, hasHoles: hasHoles)
    pieceByteCount = min(frameByteCount, Limits.pieceByteCount)
  }

  /// How many slots it was lent: each takes one piece.
  var slotCount: Int { free.count + readings.count }

  /// Lends a slot for good.
  mutating func take(_ slot: SlotID) { free.append(slot) }

  /// Everything below it was read back, or lies in a hole.
  var readOffset: UInt64 { readings.map(\.offset).min() ?? nextOffset }

  /// Whether all of it was read back.
  var isOver: Bool { readOffset == byteCount }

  /// The next step; nil while there is no slot, or at the end.
  mutating func nextStep() -> Step? {
    // Each turn passes a hole; another follows only behind data.
    while nextOffset < byteCount, let slot = free.last {
      switch map.step(at: nextOffset, frameByteCount: pieceByteCount) {
      case .locate(let offset):
        return .locate(offset)
      case .hole(let end):
        // There is nothing on the disk, and zeros count nothing.
        nextOffset = end
      case .read(let end):
        free.removeLast()
        let reading = Reading(
          slot: slot,
          offset: nextOffset,
          byteCount: 0,
          wantedByteCount: Int(end - nextOffset)
        )
        readings.append(reading)
        nextOffset = end
        return .read(rest(of: reading))
      }
    }
    return nil
  }

  /// Takes in where the output's next data are.
  mutating func didLocate(from offset: UInt64, data: Range<UInt64>) {
    map.didLocate(from: offset, data: data)
  }

  /// Takes in what a read delivered: what is still to be read into the slot, or the parts that are to
  /// be summed up.
  mutating func didRead(_ slot: SlotID, byteCount: Int) -> (rest: Piece?, parts: [Range<UInt64>]) {
    guard let index = readings.firstIndex(where: { $0.slot == slot }) else {
      preconditionFailure("read into a slot that is not read into")
    }
    readings[index].byteCount += byteCount
    let reading = readings[index]
    guard reading.byteCount == reading.wantedByteCount else { return (rest(of: reading), []) }
    return (nil, sums.parts(of: reading.offset..<reading.offset + UInt64(reading.byteCount)))
  }

  private func rest(of reading: Reading) -> Piece {
    precondition(reading.byteCount < reading.wantedByteCount, "a read beyond what was asked for")
    return Piece(
      slot: reading.slot,
      from: reading.byteCount,
      to: reading.wantedByteCount,
      of: reading.offset
    )
  }

  /// Where in the slot a part stands.
  func range(of part: Range<UInt64>, in slot: SlotID) -> Range<Int> {
    guard let reading = readings.first(where: { $0.slot == slot }) else {
      preconditionFailure("a part of a slot that is not read into")
    }
    let start = Int(part.lowerBound - reading.offset)
    return start..<start + part.count
  }

  /// Takes in the sum of a part; the piece is done with its last part.
  mutating func didSum(_ slot: SlotID, at offset: UInt64, _ sum: UInt64) {
    guard let index = readings.firstIndex(where: { $0.slot == slot }) else { return }
    sums.subtract(sum, at: offset)
    let reading = readings[index]
    let end = reading.offset + UInt64(reading.byteCount)
    let isLast = sums.parts(of: offset..<end).count == 1
    guard isLast else { return }
    readings.remove(at: index)
    free.append(slot)
  }

  /// The first stretch that is not what was written, of those that were read back.
  mutating func difference() -> Range<UInt64>? { sums.difference(below: readOffset, of: byteCount) }
}
