import Wire

/// The sending side's frames: filling, waiting, on the way, acknowledged.
///
/// A slot is free when its frame is acknowledged, no queue holds it and the kernel has released it;
/// until then it holds the only copy of its bytes. A second copy of the frame may still be on a slow
/// connection then: its `Carried` entry names a number that the slot no longer has.
struct SendStream {
  /// The state of one slot.
  struct Frame: Equatable {
    enum State: Equatable {
      case free
      case filling
      /// Number and offset are settled, and it is being read at that offset.
      case reading
      /// Full; its checksum is being computed.
      case sealing
      /// Waits in `ready` or `again`.
      case queued
      /// On at least one connection, not acknowledged.
      case outstanding
      /// Acknowledged, but still being sent or held by the kernel.
      case acknowledged
      /// Lent to a burst that is no part of the stream.
      case sounding
    }
    var state = State.free
    /// The frame's number, from the moment it is full until the slot is free again.
    var number = Frame.noNumber
    var offset: UInt64 = 0
    /// Bytes of payload in the slot; none for zeros, whatever they span.
    var byteCount = 0
    /// Bytes of the stream that the frame stands for, from the moment it is full.
    var span: UInt64 = 0
    /// What a slot that is read at an offset will hold when it is full.
    var wantedByteCount = 0
    /// Whether the slot stands in `ready` or `again`.
    var isQueued = false
    /// Connections that carry it: sent or being sent, not acknowledged there.
    var carrierCount = 0
    /// Sends in flight and zero-copy notifications outstanding.
    var kernelCount = 0
    var lastSent = Instant(nanoseconds: 0)

    /// No frame has this number: a stream would have to be 2^64 frames long.
    static let noNumber = UInt64.max
  }

  /// What the input is doing.
  enum Input: Equatable {
    /// No operation; a slot may be partly filled.
    case idle
    /// A read is in flight since this turn of the loop.
    case reading(OperationToken, turn: UInt64)
    /// A read that was told to end, so that the bytes before it can be sent.
    case cancelling
    /// Everything was read; whether that was all depends on the status of the command that wrote it.
    case awaitingCommand
    case ended
  }

  private(set) var geometry: Geometry
  /// Length of an input that is read at offsets; nil for one that is read in order.
  let byteCount: UInt64?
  /// Whether it is known where reading starts: the receiver may have a part already.
  private(set) var hasStart: Bool
  /// Where such an input has holes.
  private var map: SourceMap
  private(set) var frames: [Frame]
  private var free: [SlotID]
  /// Full frames by their numbers, never sent; those read at offsets may leave gaps to be filled.
  private(set) var ready: RingQueue<SlotID>
  /// Frames whose connection died or damaged them.
  private(set) var again: RingQueue<SlotID>
  var input = Input.idle
  var readAhead: ReadAhead
  /// End of what was handed to a connection; the receiver can have nothing beyond it.
  private(set) var sentOffset: UInt64 = 0
  /// Whether the end was said on any connection; without it nobody can know that all is there.
  var isEndSaid = false
  /// Slots that reading leaves alone while connections are sounded: one burst at a time.
  var keptForSounding = 0
  /// The slot being filled, with `frames[...].byteCount` bytes in it.
  private(set) var filling: SlotID?
  /// Slots that are being read at their offsets.
  private(set) var readingCount = 0
  private(set) var nextNumber: UInt64 = 0
  private(set) var nextOffset: UInt64 = 0
  /// First frame number outside the receiver's window.
  var windowLimit: UInt64 = 0
  /// What the receiver has written, as it last said.
  var writtenOffset: UInt64 = 0
  private(set) var digest = StreamDigest()
  /// Payload bytes acknowledged: received and checked.
  private(set) var acknowledgedByteCount: UInt64 = 0
  private(set) var resentFrameCount = 0
  /// Zeros that were not sent.
  private(set) var zeroByteCount: UInt64 = 0

  init(geometry: Geometry, byteCount: UInt64? = nil, hasHoles: Bool = false) {
    self.geometry = geometry
    self.byteCount = byteCount
    hasStart = byteCount == nil
    map = SourceMap(byteCount: byteCount ?? 0, hasHoles: hasHoles)
    frames = Array(repeating: Frame(), count: geometry.slotCount)
    free = (0..<geometry.slotCount).reversed().map(SlotID.init)
    ready = RingQueue(capacity: geometry.slotCount)
    again = RingQueue(capacity: geometry.slotCount)
    readAhead = ReadAhead(frameByteCount: geometry.frameByteCount)
  }

  // MARK: Filling

  /// The slot and range that the next read goes to; nil if there is no free slot, or enough waits.
  mutating func rangeToFill() -> (SlotID, Range<Int>)? {
    if filling == nil, mayTakeSlot(), let slot = free.popLast() {
      frames[slot.index] = Frame(state: .filling)
      filling = slot
    }
    guard let slot = filling else { return nil }
    return (slot, frames[slot.index].byteCount..<geometry.frameByteCount)
  }

  /// Whether another slot is to be filled.
  private mutating func mayTakeSlot() -> Bool {
    free.count > keptForSounding && readAhead.wantsMore(than: ready.count)
  }

  /// Whether some bytes wait in a slot that is not full.
  var hasPartialFrame: Bool {
    guard let filling else { return false }
    return frames[filling.index].byteCount > 0
  }

  /// Takes in what a read delivered; true if the slot is full now.
  mutating func didFill(byteCount: Int) -> Bool {
    guard let slot = filling else { preconditionFailure("a read without a slot") }
    frames[slot.index].byteCount += byteCount
    precondition(frames[slot.index].byteCount <= geometry.frameByteCount)
    return frames[slot.index].byteCount == geometry.frameByteCount
  }

  /// Ends the filling of the present slot: its checksum is wanted next.
  mutating func beginSeal() -> (SlotID, byteCount: Int)? {
    guard let slot = filling, frames[slot.index].byteCount > 0 else { return nil }
    filling = nil
    frames[slot.index].state = .sealing
    frames[slot.index].number = nextNumber
    frames[slot.index].offset = nextOffset
    frames[slot.index].span = UInt64(frames[slot.index].byteCount)
    nextNumber += 1
    nextOffset += frames[slot.index].span
    return (slot, frames[slot.index].byteCount)
  }

  /// Makes the frame ready to be sent; returns the header to write in front of it.
  mutating func didSeal(_ slot: SlotID, checksum: UInt64) -> FrameHeader {
    let frame = frames[slot.index]
    return didSeal(
      slot,
      FrameHeader(
        .data,
        length: UInt32(frame.byteCount),
        offset: frame.offset,
        number: frame.number,
        value: checksum
      )
    )
  }

  /// The same for a frame that holds only zeros: they are not sent.
  mutating func didSealZeros(_ slot: SlotID, _ kind: FrameHeader.Zeros) -> FrameHeader {
    let frame = frames[slot.index]
    frames[slot.index].byteCount = 0
    zeroByteCount += frame.span
    return didSeal(
      slot,
      FrameHeader(
        .hole,
        offset: frame.offset,
        number: frame.number,
        value: frame.span,
        detail: kind.rawValue
      )
    )
  }

  private mutating func didSeal(_ slot: SlotID, _ header: FrameHeader) -> FrameHeader {
    precondition(
      frames[slot.index].state == .sealing,
      "only a full slot has its checksum asked for"
    )
    digest.add(header)
    frames[slot.index].state = .queued
    frames[slot.index].isQueued = true
    ready.insert(slot) { frames[$0.index].number > header.number }
    return header
  }

  /// The empty slot that was being filled when the input ended goes back.
  mutating func abandonFilling() {
    guard let slot = filling, frames[slot.index].byteCount == 0 else { return }
    filling = nil
    release(slot)
  }

  // MARK: Filling at offsets

  /// What is to be done for the next frame of an input that is read at offsets.
  enum Step {
    /// Ask for the input's next data.
    case locate(UInt64)
    case read(Piece)
    /// The frame is full at once: its slot is to be given the header.
    case hole(SlotID, FrameHeader)
  }

  /// Settles number and offset of the next frame; nil if there is no slot or nothing left for it, or
  /// enough is being read.
  mutating func nextStep() -> Step? {
    guard let byteCount, hasStart, nextOffset < byteCount, readingCount < Limits.readsInFlight,
      mayTakeSlot()
    else { return nil }
    switch map.step(at: nextOffset, frameByteCount: geometry.frameByteCount) {
    case .locate(let offset):
      return .locate(offset)
    case .read(let end):
      guard let slot = begin(.reading, until: end) else { return nil }
      frames[slot.index].wantedByteCount = Int(frames[slot.index].span)
      readingCount += 1
      return .read(rest(of: slot))
    case .hole(let end):
      guard let slot = begin(.sealing, until: end) else { return nil }
      return .hole(slot, didSealZeros(slot, .hole))
    }
  }

  private mutating func begin(_ state: Frame.State, until end: UInt64) -> SlotID? {
    guard let slot = free.popLast() else { return nil }
    frames[slot.index] = Frame(state: state, number: nextNumber, offset: nextOffset)
    frames[slot.index].span = end - nextOffset
    nextNumber += 1
    nextOffset = end
    return slot
  }

  /// Takes in where the input's next data are.
  mutating func didLocate(from offset: UInt64, data: Range<UInt64>) {
    map.didLocate(from: offset, data: data)
  }

  /// Takes in what a read at an offset delivered; nil when the slot is full and its checksum is
  /// wanted, else what is still to be read.
  mutating func didRead(_ slot: SlotID, byteCount: Int) -> Piece? {
    precondition(frames[slot.index].state == .reading, "a read into a slot that is not read")
    frames[slot.index].byteCount += byteCount
    guard frames[slot.index].byteCount == frames[slot.index].wantedByteCount else {
      return rest(of: slot)
    }
    frames[slot.index].state = .sealing
    readingCount -= 1
    return nil
  }

  private func rest(of slot: SlotID) -> Piece {
    let frame = frames[slot.index]
    precondition(frame.byteCount < frame.wantedByteCount, "a read beyond what was asked for")
    return Piece(slot: slot, from: frame.byteCount, to: frame.wantedByteCount, of: frame.offset)
  }

  /// Settles where reading starts.
  mutating func start(at offset: UInt64) {
    precondition(!hasStart, "reading starts once")
    hasStart = true
    nextOffset = offset
    sentOffset = offset
    writtenOffset = offset
  }

  /// Whether all of an input that is read at offsets has been read.
  var isRead: Bool { hasStart && nextOffset == byteCount && readingCount == 0 }

  // MARK: Sending

  /// Whether a frame waits that may be sent now.
  var hasSendableFrame: Bool {
    if !again.isEmpty { return true }
    guard let slot = ready.first else { return false }
    return frames[slot.index].number < windowLimit
  }

  /// Takes the next frame to send: those to be sent again first, then in order within the window.
  mutating func nextToSend(at now: Instant) -> Connection.Carried? {
    while let slot = again.popFirst() {
      frames[slot.index].isQueued = false
      // Another copy may have been acknowledged while this one waited.
      guard frames[slot.index].state == .queued else {
        freeIfDone(slot)
        continue
      }
      resentFrameCount += 1
      return startSending(slot, at: now)
    }
    guard let slot = ready.first, frames[slot.index].number < windowLimit else { return nil }
    _ = ready.popFirst()
    frames[slot.index].isQueued = false
    return startSending(slot, at: now)
  }

  /// The oldest frame on the way: the one that the receiver's window waits for.
  var oldestOutstanding: SlotID? {
    var oldest: SlotID?
    for index in frames.indices where frames[index].state == .outstanding {
      if let best = oldest, frames[best.index].number < frames[index].number { continue }
      oldest = SlotID(index)
    }
    return oldest
  }

  /// The newest frame on the way, if it may be sent a second time.
  var newestOutstanding: SlotID? {
    var newest: SlotID?
    for index in frames.indices where frames[index].state == .outstanding {
      if let best = newest, frames[best.index].number > frames[index].number { continue }
      newest = SlotID(index)
    }
    return newest.flatMap { frames[$0.index].carrierCount < Limits.copiesPerFrame ? $0 : nil }
  }

  /// How long ago a frame was last sent, if it may be sent a second time; else nil.
  func age(ofSingle slot: SlotID, at now: Instant) -> Duration? {
    frames[slot.index].carrierCount < Limits.copiesPerFrame
      ? now - frames[slot.index].lastSent : nil
  }

  /// Sends a second copy of a frame that is on its way.
  mutating func sendCopy(of slot: SlotID, at now: Instant) -> Connection.Carried {
    precondition(frames[slot.index].state == .outstanding, "a copy of what is not on its way")
    resentFrameCount += 1
    return startSending(slot, at: now)
  }

  private mutating func startSending(_ slot: SlotID, at now: Instant) -> Connection.Carried {
    sentOffset = max(sentOffset, frames[slot.index].offset + frames[slot.index].span)
    frames[slot.index].state = .outstanding
    frames[slot.index].carrierCount += 1
    frames[slot.index].kernelCount += 1
    frames[slot.index].lastSent = now
    return Connection.Carried(
      slot: slot,
      number: frames[slot.index].number,
      byteCount: frames[slot.index].byteCount + FrameHeader.byteCount,
      at: now
    )
  }

  /// A zero-copy send has completed, but its notification will come separately.
  mutating func willStayInKernel(_ slot: SlotID) { frames[slot.index].kernelCount += 1 }

  /// The kernel no longer uses the slot for one send; called at the completion or its notification.
  mutating func didLeaveKernel(_ slot: SlotID) {
    precondition(frames[slot.index].kernelCount > 0, "more completions than sends")
    frames[slot.index].kernelCount -= 1
    freeIfDone(slot)
  }

  // MARK: Sounding

  /// Lends a free slot to a burst; nil if there is none.
  mutating func takeForSounding(_ limit: Int) -> (slot: SlotID, byteCount: Int)? {
    guard let slot = free.popLast() else { return nil }
    frames[slot.index].state = .sounding
    return (slot, min(limit, geometry.frameByteCount))
  }

  /// The burst has left, or its connection has.
  mutating func didSound(_ slot: SlotID) { release(slot) }

  // MARK: Acknowledging

  /// One carried frame was received and checked.
  mutating func didAcknowledge(_ carried: Connection.Carried) {
    guard frames[carried.slot.index].number == carried.number else { return }
    frames[carried.slot.index].carrierCount -= 1
    switch frames[carried.slot.index].state {
    case .outstanding, .queued:
      acknowledgedByteCount += frames[carried.slot.index].span
      frames[carried.slot.index].state = .acknowledged
      freeIfDone(carried.slot)
    case .acknowledged:
      break
    case .free, .filling, .reading, .sealing, .sounding:
      preconditionFailure("acknowledged a frame that was never sent")
    }
  }

  /// Everything below an offset is out of the receiver's hands, whichever connection carried it.
  ///
  /// So the data of a connection whose way back is dead need not be sent again.
  mutating func didWrite(below offset: UInt64) {
    writtenOffset = max(writtenOffset, offset)
    for index in frames.indices {
      let frame = frames[index]
      guard frame.state == .outstanding, frame.offset + frame.span <= writtenOffset
      else { continue }
      acknowledgedByteCount += frame.span
      frames[index].state = .acknowledged
      freeIfDone(SlotID(index))
    }
  }

  /// One carried frame did not arrive, or arrived damaged: it is queued for another connection.
  ///
  /// - Returns: whether the frame has to be sent again (no other connection carries it).
  @discardableResult
  mutating func didLose(_ carried: Connection.Carried) -> Bool {
    guard frames[carried.slot.index].number == carried.number else { return false }
    frames[carried.slot.index].carrierCount -= 1
    switch frames[carried.slot.index].state {
    case .outstanding where frames[carried.slot.index].carrierCount == 0:
      frames[carried.slot.index].state = .queued
      frames[carried.slot.index].isQueued = true
      again.append(carried.slot)
      return true
    case .outstanding, .queued:
      return false
    case .acknowledged:
      return false
    case .free, .filling, .reading, .sealing, .sounding:
      preconditionFailure("lost a frame that was never sent")
    }
  }

  /// Whether every frame so far was acknowledged and the input has ended.
  var isDrained: Bool {
    input == .ended && filling == nil && ready.isEmpty
      && !frames.contains {
        $0.state == .outstanding || $0.state == .queued || $0.state == .sealing
      }
  }

  /// Whether all frames of an ended input have been handed to connections at least once.
  var isEverythingSent: Bool {
    input == .ended && filling == nil && ready.isEmpty
      && !frames.contains { $0.state == .sealing }
  }

  /// Slots that hold something.
  var usedSlotCount: Int { geometry.slotCount - free.count }

  private mutating func freeIfDone(_ slot: SlotID) {
    let frame = frames[slot.index]
    guard frame.state == .acknowledged, frame.kernelCount == 0, !frame.isQueued else { return }
    release(slot)
  }

  private mutating func release(_ slot: SlotID) {
    frames[slot.index] = Frame()
    free.append(slot)
  }

  /// What is wrong with the books; nil if every slot is in exactly one place.
  var brokenInvariant: String? {
    if frames.count(where: { $0.state == .free }) != free.count { return "free slots are lost" }
    if frames.count(where: { $0.state == .filling }) != (filling == nil ? 0 : 1) {
      return "more than one slot is being filled"
    }
    if frames.count(where: { $0.state == .reading }) != readingCount {
      return "\(readingCount) slots are said to be read at offsets"
    }
    if frames.count(where: { $0.isQueued }) != ready.count + again.count {
      return "the queues hold \(ready.count) + \(again.count) slots, the slots say otherwise"
    }
    let idle = frames.first {
      $0.state == .outstanding && $0.carrierCount == 0
        || $0.state == .acknowledged && $0.kernelCount == 0 && !$0.isQueued
        || $0.state == .queued && !$0.isQueued
    }
    return idle.map { "frame \($0.number) is \($0.state) and nobody has it" }
  }
}
