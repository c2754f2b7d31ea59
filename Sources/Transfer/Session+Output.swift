import Wire

// What happens before the first byte and after every few: the source is heard of, and what is on the
// disk is noted for those who come after us.
extension Session {
  // MARK: Before the first byte

  /// Takes in what the sender reads; until then no sender is told that it may send.
  mutating func didReceiveSource(_ id: ConnectionID, _ source: SourceDescription, at now: Instant) {
    if let known = self.source, known != source {
      return violate(id, "the sender described two different sources", at: now)
    }
    guard self.source == nil, phase == .running else { return }
    self.source = source
    if source.byteCount != SourceDescription.unknown {
      receiving?.sourceByteCount = source.byteCount
    }
    if let misfit = misfit(of: source) { return conclude(.unfit(misfit), at: now) }
    guard let journal = options.journal, options.isPositional else { return }
    receiving?.start(at: journal.durableOffset, sum: journal.sum ?? 0)
    sums?.start(at: journal.durableOffset, sum: journal.sum ?? 0)
    statistics.writtenOffset = journal.durableOffset
    statistics.resumedOffset = journal.durableOffset
    journalSequence = journal.sequence
    actions.append(.report(.resumed(at: journal.durableOffset)))
  }

  /// Whether the sender may be told how much it may send.
  var isOutputReady: Bool { !options.isPositional || source != nil }

  private func misfit(of source: SourceDescription) -> Misfit? {
    if let journal = options.journal {
      if source.kind == .stream { return .sourceIsStream }
      if !source.isSame(as: journal.source) || journal.durableOffset > source.byteCount {
        return .sourceChanged
      }
      if options.verifies, journal.sum == nil { return .nothingToCompare }
    }
    guard source.byteCount != SourceDescription.unknown else { return nil }
    let done = options.journal?.durableOffset ?? 0
    if let room = options.capacityByteCount, source.byteCount > room {
      return .diskTooSmall(needed: source.byteCount, room: room)
    }
    // Zeros of a disk may become holes, and nobody knows how many there are.
    let isSparse = options.sparse != .never && source.kind != .file
    let needed = options.sparse == .never ? source.byteCount : source.allocatedByteCount
    guard let room = options.freeByteCount, !isSparse, needed != SourceDescription.unknown,
      min(needed, source.byteCount) > room.addingReportingOverflow(done).partialValue
    else { return nil }
    return .noRoom(needed: min(needed, source.byteCount), room: room)
  }

  // MARK: Journal

  /// Brings what was written to the disk: before it has become much, and for a journal every little
  /// while.
  mutating func flushIfDue(at now: Instant) {
    guard let receiving, !receiving.isFlushing, !isNoting else { return }
    let isLate = options.keepsJournal && now - flushedAt >= Limits.journalInterval
    guard receiving.isFlushDue || isLate && receiving.isDirty else { return }
    flushedAt = now
    self.receiving?.beginFlush()
    flushed = (receiving.writtenOffset, receiving.writtenSum)
    submit(.flush(below: receiving.writtenOffset), for: .flush)
  }

  mutating func didFlush(_ result: Event.Result, at now: Instant) {
    receiving?.didFlush()
    if case .failed(let failure) = result { return conclude(.outputFailed(failure), at: now) }
    if phase == .running { _ = note(flushed.offset, sum: flushed.sum) }
  }

  /// Writes into the journal how much is on the disk.
  ///
  /// - Returns: false if none is kept: a stream cannot be read again, so there is nothing to be noted.
  mutating func note(_ offset: UInt64, sum: UInt64) -> Bool {
    guard options.keepsJournal, let source, source.kind != .stream else { return false }
    journalSequence += 1
    isNoting = true
    notedOffset = offset
    let journal = Journal(
      source: source,
      target: options.target,
      durableOffset: offset,
      sum: options.verifies ? sum : nil,
      sequence: journalSequence
    )
    submit(.writeJournal(journal), for: .writeJournal)
    return true
  }

  mutating func didWriteJournal(_ result: Event.Result, at now: Instant) {
    isNoting = false
    switch result {
    case .done: publishIfNoted()
    case .failed(let failure): conclude(.outputFailed(failure), at: now)
    }
  }
}
