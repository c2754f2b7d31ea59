import Wire

/// The receiving side's frames: which have arrived, which one the output needs next.
///
/// A window of `windowFrameCount` frame numbers starts at the lowest one that is not written. The
/// sender may not go beyond it, so that complete frames never need more slots than there are; two
/// more are kept back for the lowest missing frame, so that the output always moves on.
struct ReceiveStream {
  /// What is known of one frame number inside the window.
  private struct Expected {
    /// The slot that holds it, until it is written.
    var slot: SlotID?
    var offset: UInt64 = 0
    /// Bytes of the stream; 0 until it has arrived.
    var byteCount: UInt64 = 0
    var writtenByteCount: UInt64 = 0
    /// Of zeros: whether they are to take space.
    var isAllocated = false
    /// What its bytes add up to, where that is wanted.
    var sum: UInt64 = 0

    /// Whether it has arrived; it may be written already.
    var isHere: Bool { byteCount > 0 }
    var isWritten: Bool { isHere && writtenByteCount == byteCount }
    var rest: UInt64 { byteCount - writtenByteCount }
  }

  /// What the sender said at the end of its input.
  struct End: Equatable {
    var byteCount: UInt64
    var frameCount: UInt64
    var digest: UInt64
  }

  /// What to do with a data frame whose header has arrived.
  enum Admission: Equatable {
    /// Receive the payload into this slot.
    case into(SlotID)
    /// It is here already; throw the payload away.
    case duplicate
    /// Leave the payload in the socket until a slot is free.
    case wait
    /// No honest sender would send this.
    case violation(String)
  }

  /// What became of a hole.
  enum HoleAdmission: Equatable {
    case taken
    /// It is here already.
    case duplicate
    /// No honest sender would send this.
    case violation(String)
  }

  /// The next thing to write to a stream.
  enum Write: Equatable {
    case bytes(SlotID, Range<Int>)
    /// So many zeros.
    case zeros(Int)
  }

  /// A thing to write at an offset.
  enum Change: Equatable {
    case piece(Piece)
    case clear(offset: UInt64, byteCount: UInt64, isAllocated: Bool)
  }

  let geometry: Geometry
  let sparse: SparseMode
  /// Whether the output is written at offsets, several frames at a time, as they arrive.
  let isPositional: Bool
  private let writeBehindByteCount: UInt64
  let windowFrameCount: Int
  private var expected: [Expected]
  private var free: [SlotID]
  /// Lowest frame number that is not written yet.
  private(set) var nextNumber: UInt64 = 0
  /// All bytes below it are out of our hands.
  private(set) var writtenOffset: UInt64 = 0
  /// Of a stream: whether the next frame has been found fit to be written.
  private var isWriting = false
  /// Of an output that is written at offsets: frames that are here and not being written, and how
  /// many are.
  private var unwritten: RingQueue<UInt64>
  private var writingCount = 0
  /// Bytes that were written at offsets since the last flush began, and whether it still goes on.
  private var unflushedByteCount: UInt64 = 0
  private(set) var isFlushing = false
  /// The frame in each slot.
  private var numbers: [UInt64]
  /// What all bytes below the written offset add up to, those of an earlier run included.
  private(set) var writtenSum: UInt64 = 0
  /// Where the stream starts: behind what an earlier run has written.
  private var startOffset: UInt64 = 0
  private(set) var end: End?
  /// Length of the source, where it was described.
  var sourceByteCount: UInt64?
  private var digest = StreamDigest()
  private(set) var duplicateCount = 0
  private(set) var receivedByteCount: UInt64 = 0
  /// Zeros that did not come as bytes.
  private(set) var zeroByteCount: UInt64 = 0

  init(
    geometry: Geometry,
    isPositional: Bool = false,
    sparse: SparseMode = .auto,
    writeBehindByteCount: UInt64 = Limits.writeBehindByteCount
  ) {
    self.geometry = geometry
    self.isPositional = isPositional
    self.sparse = sparse
    self.writeBehindByteCount = writeBehindByteCount
    windowFrameCount = geometry.slotCount - Limits.slotsKeptBack
    expected = Array(repeating: Expected(), count: windowFrameCount)
    free = (0..<geometry.slotCount).reversed().map(SlotID.init)
    unwritten = RingQueue(capacity: windowFrameCount)
    numbers = Array(repeating: 0, count: geometry.slotCount)
  }

  /// First frame number outside the window.
  var windowLimit: UInt64 { nextNumber + UInt64(windowFrameCount) }

  /// Slots that hold something.
  var usedSlotCount: Int { geometry.slotCount - free.count }

  private func index(of number: UInt64) -> Int { Int(number % UInt64(windowFrameCount)) }

  // MARK: Receiving

  /// Decides where the payload of a data frame goes.
  mutating func admit(_ header: FrameHeader) -> Admission {
    if header.number < nextNumber { return duplicate() }
    guard header.number < windowLimit else {
      return .violation("frame \(header.number) is beyond the window (\(windowLimit))")
    }
    guard Int(header.length) <= geometry.frameByteCount else {
      return .violation("a frame of \(header.length) bytes, \(geometry.frameByteCount) were agreed")
    }
    if let sentence = objection(to: header) { return .violation(sentence) }
    if expected[index(of: header.number)].isHere { return duplicate() }
    let needed = header.number == nextNumber ? 1 : 1 + Limits.slotsKeptBack
    guard free.count >= needed, let slot = free.popLast() else { return .wait }
    return .into(slot)
  }

  /// What speaks against a frame once the end is known, or the source's.
  private func objection(to header: FrameHeader) -> String? {
    let (last, overflows) = header.offset.addingReportingOverflow(header.span)
    if let sourceByteCount, overflows || last > sourceByteCount {
      return "frame \(header.number) lies beyond the \(sourceByteCount) bytes of the source"
    }
    guard let end else { return nil }
    guard !overflows, last <= end.byteCount, header.number < end.frameCount else {
      return "frame \(header.number) lies beyond the end that was announced"
    }
    return nil
  }

  private mutating func duplicate() -> Admission {
    duplicateCount += 1
    return .duplicate
  }

  /// Takes in a payload whose checksum was right; false if another copy was faster.
  mutating func didReceive(_ header: FrameHeader, in slot: SlotID) -> Bool {
    let index = index(of: header.number)
    guard header.number >= nextNumber, !expected[index].isHere else {
      duplicateCount += 1
      free.append(slot)
      return false
    }
    expected[index] = Expected(slot: slot, offset: header.offset)
    numbers[slot.index] = header.number
    didTake(header)
    return true
  }

  /// Takes in what a part of a frame adds up to; before the frame is written.
  mutating func didSum(_ slot: SlotID, _ sum: UInt64) {
    let place = index(of: numbers[slot.index])
    precondition(expected[place].slot == slot, "summed up what is not here")
    expected[place].sum &+= sum
  }

  /// Takes in zeros.
  mutating func admitHole(_ header: FrameHeader) -> HoleAdmission {
    if header.number < nextNumber {
      duplicateCount += 1
      return .duplicate
    }
    guard header.number < windowLimit else {
      return .violation("hole \(header.number) is beyond the window (\(windowLimit))")
    }
    guard (1...Limits.holeByteCount).contains(header.span),
      let zeros = FrameHeader.Zeros(rawValue: header.detail)
    else { return .violation("a hole of \(header.span) bytes, kind \(header.detail)") }
    if let sentence = objection(to: header) { return .violation(sentence) }
    guard !expected[index(of: header.number)].isHere else {
      duplicateCount += 1
      return .duplicate
    }
    expected[index(of: header.number)] = Expected(offset: header.offset)
    expected[index(of: header.number)].isAllocated =
      sparse == .never || sparse == .auto && zeros == .allocated
    zeroByteCount += header.span
    didTake(header)
    return .taken
  }

  private mutating func didTake(_ header: FrameHeader) {
    expected[index(of: header.number)].byteCount = header.span
    if isPositional { unwritten.append(header.number) }
    receivedByteCount += header.span
    digest.add(header)
  }

  /// A payload that did not arrive whole, or was damaged: its slot goes back.
  mutating func didAbandon(_ slot: SlotID) { free.append(slot) }

  /// Takes in the end; a sentence if it contradicts what is known.
  mutating func didReceiveEnd(_ header: FrameHeader) -> String? {
    let end = End(byteCount: header.offset, frameCount: header.number, digest: header.value)
    if let known = self.end {
      return known == end ? nil : "the sender announced two different ends"
    }
    guard end.frameCount >= nextNumber, end.byteCount >= writtenOffset,
      (end.frameCount == 0) == (end.byteCount == startOffset)
    else { return "the end (\(end.byteCount) bytes) lies before what was already received" }
    if let sourceByteCount, sourceByteCount != end.byteCount {
      return "the end (\(end.byteCount) bytes) is not that of the source (\(sourceByteCount))"
    }
    if let error = excess(of: end) { return error.sentence }
    self.end = end
    return nil
  }

  // MARK: Writing

  /// The next write, if the frame is here and no write is in flight; the output is one stream, and
  /// several writes in flight would be reordered.
  mutating func rangeToWrite() -> Result<Write?, MismatchError> {
    let next = expected[index(of: nextNumber)]
    guard next.isHere else { return .success(nil) }
    if !isWriting {
      // It came before the end was announced, so it could not be refused.
      if let end, nextNumber >= end.frameCount { return .failure(beyondEnd(nextNumber)) }
      guard next.offset == writtenOffset else {
        return .failure(
          MismatchError(
            sentence: "frame \(nextNumber) starts at byte \(next.offset), expected \(writtenOffset)"
          )
        )
      }
      isWriting = true
    }
    guard let slot = next.slot else {
      return .success(.zeros(Int(min(next.rest, UInt64(Limits.zerosByteCount)))))
    }
    return .success(.bytes(slot, Int(next.writtenByteCount)..<Int(next.byteCount)))
  }

  /// All bytes below it are out of our hands, those of a frame that was written in part as well.
  var takenOffset: UInt64 {
    let next = expected[index(of: nextNumber)]
    return next.offset == writtenOffset ? writtenOffset + next.writtenByteCount : writtenOffset
  }

  /// Whether anything beyond the written offset is out of our hands.
  var hasWrittenParts: Bool { expected.contains { $0.writtenByteCount > 0 } }

  /// Takes in how much of the present write was accepted; true if the frame is done.
  mutating func didWrite(byteCount: Int) -> Result<Bool, MismatchError> {
    precondition(isWriting, "wrote without a write")
    let place = index(of: nextNumber)
    expected[place].writtenByteCount += UInt64(byteCount)
    precondition(expected[place].writtenByteCount <= expected[place].byteCount)
    guard expected[place].isWritten else { return .success(false) }
    // The end may have been announced during the write. Past it, nothing would ever be whole.
    if let end, nextNumber >= end.frameCount { return .failure(beyondEnd(nextNumber)) }
    isWriting = false
    if let slot = expected[place].slot { free.append(slot) }
    writtenOffset += expected[place].byteCount
    expected[place] = Expected()
    nextNumber += 1
    if let error = end.flatMap(excess) { return .failure(error) }
    return .success(true)
  }

  // MARK: Writing at offsets

  /// Continues what an earlier run has begun; before the first frame.
  mutating func start(at offset: UInt64, sum: UInt64) {
    precondition(nextNumber == 0 && receivedByteCount == 0, "it has begun already")
    startOffset = offset
    writtenOffset = offset
    writtenSum = sum
  }

  /// Whether another write may be begun: there is a bound for those in flight, and for what the page
  /// cache holds.
  var mayWrite: Bool {
    writingCount < Limits.writesInFlight
      && !(isFlushing && unflushedByteCount >= writeBehindByteCount)
  }

  /// Begins to write the frame that has waited longest; nil if none does.
  ///
  /// Its offset cannot be known to be right before all frames in front of it are here, but only to be
  /// possible; that they fit together is seen before the output is declared good.
  mutating func beginWriting() -> Result<(UInt64, Change)?, MismatchError> {
    guard let number = unwritten.popFirst() else { return .success(nil) }
    let next = expected[index(of: number)]
    // Its header came before the end was announced, so it could not be refused.
    if let end, number >= end.frameCount { return .failure(beyondEnd(number)) }
    let (last, overflows) = next.offset.addingReportingOverflow(next.byteCount)
    let least = writtenOffset.addingReportingOverflow(number - nextNumber)
    guard !overflows, last <= UInt64(Int64.max), !least.overflow, next.offset >= least.partialValue
    else { return .failure(misplaced(number, at: next.offset)) }
    writingCount += 1
    return .success((number, rest(of: next)))
  }

  private func rest(of frame: Expected) -> Change {
    guard let slot = frame.slot else {
      return .clear(
        offset: frame.offset + frame.writtenByteCount,
        byteCount: min(frame.rest, Limits.clearByteCount),
        isAllocated: frame.isAllocated
      )
    }
    let (from, to) = (Int(frame.writtenByteCount), Int(frame.byteCount))
    return .piece(Piece(slot: slot, from: from, to: to, of: frame.offset))
  }

  /// Takes in how much of a frame was accepted; nil if the frame is done, else what is left of it.
  mutating func didWrite(_ number: UInt64, byteCount: Int) -> Result<Change?, MismatchError> {
    let place = index(of: number)
    expected[place].writtenByteCount += UInt64(byteCount)
    // A hole that is punched costs no memory; zeros that are written come in small pieces.
    if byteCount <= Limits.pieceByteCount { unflushedByteCount += UInt64(byteCount) }
    let present = expected[place]
    precondition(present.isHere && present.writtenByteCount <= present.byteCount, "a wrong write")
    guard present.isWritten else { return .success(rest(of: present)) }
    if let slot = present.slot { free.append(slot) }
    expected[place].slot = nil
    writingCount -= 1
    // No more turns than the window is wide.
    while expected[index(of: nextNumber)].isWritten {
      let done = expected[index(of: nextNumber)]
      if let end, nextNumber >= end.frameCount { return .failure(beyondEnd(nextNumber)) }
      guard done.offset == writtenOffset else {
        return .failure(misplaced(nextNumber, at: done.offset))
      }
      expected[index(of: nextNumber)] = Expected()
      nextNumber += 1
      writtenOffset += done.byteCount
      writtenSum &+= done.sum
    }
    if let error = end.flatMap(excess) { return .failure(error) }
    return .success(nil)
  }

  private func beyondEnd(_ number: UInt64) -> MismatchError {
    MismatchError(sentence: "frame \(number) lies beyond the announced end")
  }

  /// What is wrong with an end of more frames than there are bytes left for: they would never come.
  private func excess(of end: End) -> MismatchError? {
    let missing = end.frameCount - nextNumber
    // The first of them starts at the written offset; each has a byte at least.
    let isShort = end.byteCount < writtenOffset || missing > end.byteCount - writtenOffset
    guard missing > 0, isShort else { return nil }
    return MismatchError(
      sentence: "the end has \(end.frameCount) frames, too many for its \(end.byteCount) bytes"
    )
  }

  private func misplaced(_ number: UInt64, at offset: UInt64) -> MismatchError {
    MismatchError(sentence: "frame \(number) starts at byte \(offset), where it cannot belong")
  }

  /// Whether something was written that may not be on the disk.
  var isDirty: Bool { unflushedByteCount > 0 }

  /// Whether enough was written to be brought to the disk.
  var isFlushDue: Bool { !isFlushing && unflushedByteCount >= writeBehindByteCount }

  mutating func beginFlush() {
    isFlushing = true
    unflushedByteCount = 0
  }

  mutating func didFlush() { isFlushing = false }

  /// Whether every announced frame is written.
  var isWritten: Bool {
    guard let end else { return false }
    return nextNumber == end.frameCount && writingCount == 0 && !isFlushing
  }

  /// Lends a slot for good: everything is written, and only copies that are late still come in.
  mutating func lendSlot() -> SlotID? { free.popLast() }

  /// What does not fit once everything is written; nil if all does.
  var mismatch: String? {
    guard let end else { return "the end is missing" }
    if writtenOffset != end.byteCount {
      return "\(writtenOffset) bytes arrived, \(end.byteCount) were sent"
    }
    if digest.value != end.digest { return "the digest of the whole stream does not fit" }
    return nil
  }

  /// Frames whose order contradicts their offsets.
  struct MismatchError: Error, Equatable {
    let sentence: String
  }

  /// What is wrong with the books; `loose` slots are those that connections receive into.
  func brokenInvariant(loose: Int) -> String? {
    let held = expected.count { $0.slot != nil }
    guard held + free.count + loose != geometry.slotCount else { return nil }
    return "\(held) + \(free.count) + \(loose) slots are not \(geometry.slotCount)"
  }
}
