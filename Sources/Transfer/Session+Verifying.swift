import Wire

// What was written is read back, past every cache, before it is called good.
extension Session {
  /// Notes what a frame adds to its part of the output; it is in its slot, and was checked.
  mutating func sumUp(_ header: FrameHeader, in slot: SlotID) {
    guard options.verifies, let sums else { return }
    let (end, overflows) = header.offset.addingReportingOverflow(header.span)
    // Such an offset is refused when it is to be written.
    guard !overflows else { return }
    for part in sums.parts(of: header.offset..<end) {
      let start = Int(part.lowerBound - header.offset)
      actions.append(.sum(slot, start..<start + part.count, at: part.lowerBound))
    }
  }

  mutating func didSum(_ slot: SlotID, at offset: UInt64, _ sum: UInt64, at now: Instant) {
    guard readBack != nil else {
      sums?.add(sum, at: offset)
      receiving?.didSum(slot, sum)
      return
    }
    readBack?.didSum(slot, at: offset, sum)
  }

  /// Everything is on the disk: from now on it is read.
  mutating func beginReadingBack() {
    guard let sums, let geometry, let byteCount = receiving?.writtenOffset else { return }
    phase = .verifying
    readBack = ReadBack(
      byteCount: byteCount,
      sums: sums,
      hasHoles: options.hasHoles,
      frameByteCount: geometry.frameByteCount
    )
    statistics.readBackByteCount = 0
    actions.append(.readBack)
    actions.append(.report(.readingBack))
  }

  /// Reads on; when all of it was equal, the output may have its name.
  mutating func pumpReadBack(at now: Instant) {
    guard phase == .verifying else { return }
    // Copies of frames that are late may still have some; each turn takes one, or is the last.
    while readBack?.slotCount ?? 0 < Limits.readsInFlight, let slot = receiving?.lendSlot() {
      readBack?.take(slot)
    }
    // Each turn takes a slot, or is the last.
    while !isLocating, let step = readBack?.nextStep() {
      switch step {
      case .read(let piece): readAgain(piece)
      case .locate(let offset):
        isLocating = true
        actions.append(.locate(offset))
      }
    }
    statistics.readBackByteCount = readBack?.readOffset
    if let range = readBack?.difference() {
      let bytes = "bytes \(range.lowerBound) to \(range.upperBound)"
      return conclude(.mismatch("read back, \(bytes) are not what was written there"), at: now)
    }
    if readBack?.isOver == true { publish() }
  }

  private mutating func readAgain(_ piece: Piece) {
    submit(.read(piece.slot, piece.range, at: piece.offset), for: .readBack(piece.slot))
  }

  mutating func didReadBack(_ slot: SlotID, _ result: Event.Result, at now: Instant) {
    guard phase == .verifying else { return }
    switch result {
    case .done(0):
      conclude(.mismatch("read back, the output is shorter than what was written"), at: now)
    case .done(let byteCount):
      guard let (rest, parts) = readBack?.didRead(slot, byteCount: byteCount) else { return }
      if let rest { return readAgain(rest) }
      for part in parts {
        guard let range = readBack?.range(of: part, in: slot) else { return }
        actions.append(.sum(slot, range, at: part.lowerBound))
      }
    case .failed(let failure):
      conclude(.outputFailed(failure), at: now)
    }
  }

  // MARK: The name

  /// The output is good: it gets its name.
  mutating func publish() {
    phase = .synchronizing
    isPublishDue = true
    publishIfNoted()
  }

  /// Gives the name when the journal knows the whole output: whoever is killed between that and the
  /// last word finds it again by its journal.
  mutating func publishIfNoted() {
    guard isPublishDue, phase == .synchronizing, !isNoting else { return }
    if let receiving, notedOffset != receiving.writtenOffset,
      note(receiving.writtenOffset, sum: receiving.writtenSum)
    {
      return
    }
    isPublishDue = false
    submit(.publish, for: .publish)
  }

  mutating func didPublish(_ result: Event.Result, at now: Instant) {
    guard phase == .synchronizing else { return }
    switch result {
    case .done: giveVerdict(at: now)
    case .failed(let failure): conclude(.outputFailed(failure), at: now)
    }
  }
}
