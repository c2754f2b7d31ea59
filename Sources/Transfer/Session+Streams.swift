import Wire

// The input and the output as streams: one read, one write in flight, in order.
extension Session {
  // MARK: Input

  /// Reads ahead as long as there are slots; sends a part of a frame when a connection has nothing
  /// else to do and the input has nothing more at the moment.
  mutating func pumpInput(at now: Instant) {
    guard phase == .running, sending != nil else { return }
    if options.isPositional { return pumpPositionalInput() }
    // Memory has always more. Read ahead, it would all have to be sent when the time is over; and the
    // slots that were sent last, which are still in the cache, would never be the next.
    if options.bench != nil, sending?.ready.isEmpty == false { return }
    switch sending?.input {
    case .idle:
      guard now >= (gatherInputUntil ?? now) else { return }
      gatherInputUntil = nil
      guard let (slot, range) = sending?.rangeToFill() else { return }
      let token = submit(.read(slot, range, at: nil), for: .read)
      sending?.input = .reading(token, turn: turn)
    case .reading(let token, let since) where since < turn && wantsPartialFrame:
      actions.append(.cancel(token))
      sending?.input = .cancelling
    case .reading, .cancelling, .awaitingCommand, .ended, nil:
      break
    }
  }

  /// Whether a connection is idle while some bytes wait in a slot that is not full.
  var wantsPartialFrame: Bool {
    guard let sending, sending.hasPartialFrame, !sending.hasSendableFrame, mayStartFrame else {
      return false
    }
    return connections.contains { $0.canSend && $0.state == .joined }
  }

  mutating func didRead(_ result: Event.Result, at now: Instant) {
    let wasCancelled = sending?.input == .cancelling
    sending?.input = .idle
    switch result {
    case .done(0):
      let isOver = isCommandContent
      sending?.input = isOver ? .ended : .awaitingCommand
      sending?.abandonFilling()
      seal()
    case .done(let byteCount):
      statistics.readByteCount += UInt64(byteCount)
      gatherInput(after: byteCount, at: now)
      if sending?.didFill(byteCount: byteCount) == true || wasCancelled { seal() }
    case .failed(let failure) where failure.kind == .cancelled && wasCancelled:
      seal()
    case .failed(let failure):
      conclude(.inputFailed(failure), at: now)
    }
  }

  /// Lets a source that writes in quick small pieces come up with more before it is read again.
  ///
  /// Read at once, a pipe that is filled 8 KiB at a time costs a turn of the loop, and wakes its
  /// writer, for every piece. A source that pauses is read again without delay.
  private mutating func gatherInput(after byteCount: Int, at now: Instant) {
    let isQuick = inputReadAt.map { now - $0 < Limits.quickInput } ?? false
    inputReadAt = now
    guard isQuick, byteCount < Limits.smallRead, sending?.hasPartialFrame == true else { return }
    gatherInputUntil = now + Limits.inputGathering
  }

  private mutating func seal() {
    guard let (slot, byteCount) = sending?.beginSeal() else { return }
    if isUnchecked { return didSeal(slot, 0, isZero: false) }
    actions.append(.checksum(slot, byteCount: byteCount, findsZeros: options.leavesOutZeros))
  }

  mutating func didSeal(_ slot: SlotID, _ checksum: UInt64, isZero: Bool) {
    // An input with holes has these zeros on purpose.
    let zeros: FrameHeader.Zeros = options.hasHoles ? .allocated : .hole
    let header =
      isZero && options.leavesOutZeros
      ? sending?.didSealZeros(slot, zeros) : sending?.didSeal(slot, checksum: checksum)
    guard let header else { return }
    statistics.zeroByteCount = sending?.zeroByteCount ?? 0
    actions.append(.seal(slot, header, seed: seed))
  }

  // MARK: Output

  /// Writes the next frame in order, if it is here.
  mutating func pumpOutput(at now: Instant) {
    guard phase == .running, writeToken == nil, commandDueBy == nil, receiving != nil else {
      return
    }
    if options.isPositional { return pumpPositionalOutput(at: now) }
    switch receiving?.rangeToWrite() {
    case .success(.bytes(let slot, let range)?):
      writeToken = submit(.write(slot, range, at: nil), for: .write)
    case .success(.zeros(let byteCount)?):
      writeToken = submit(.writeZeros(byteCount: byteCount), for: .write)
    case .failure(let error):
      conclude(.mismatch(error.sentence), at: now)
    case .success(nil), nil:
      synchronizeIfWritten(at: now)
    }
  }

  mutating func synchronizeIfWritten(at now: Instant) {
    guard let receiving, receiving.isWritten else { return }
    if let sentence = receiving.mismatch { return conclude(.mismatch(sentence), at: now) }
    phase = .synchronizing
    if command != .none { return closeCommandInput(at: now) }
    synchronizeToken = submit(.synchronize, for: .synchronize)
  }

  mutating func didWrite(_ result: Event.Result, at now: Instant) {
    writeToken = nil
    switch result {
    case .done(0):
      // A write of at least one byte that takes none: a device that is full and does not say so.
      conclude(.outputFailed(Failure(.noSpace)), at: now)
    case .done(let byteCount):
      if case .failure(let error)? = receiving?.didWrite(byteCount: byteCount) {
        return conclude(.mismatch(error.sentence), at: now)
      }
      statistics.writtenOffset = receiving?.takenOffset ?? 0
    case .failed(let failure):
      if failure.kind == .brokenPipe, command != .none { return missCommand(at: now) }
      conclude(.outputFailed(failure), at: now)
    }
  }

  mutating func didSynchronize(_ result: Event.Result, at now: Instant) {
    synchronizeToken = nil
    guard phase == .synchronizing else { return }
    switch result {
    case .done:
      if sums != nil { beginReadingBack() } else { publish() }
    case .failed(let failure):
      conclude(.outputFailed(failure), at: now)
    }
  }

  /// Whether the session has begun, and no end is in sight.
  var isReceiving: Bool { phase == .running || phase == .synchronizing || phase == .verifying }

  /// Everything is where it belongs: from now on the sender is told so.
  mutating func giveVerdict(at now: Instant) {
    lookAtLinksFinally()
    phase = .lingering(until: now + Limits.verdictLinger)
    // Who has been away until now has not missed this yet.
    if alone?.goneSince != nil { alone?.goneSince = now }
  }

  /// The reader of our output has gone while we had nothing to write.
  mutating func didLoseConsumer(_ result: Event.Result, at now: Instant) {
    watchToken = nil
    guard case .done = result, phase == .running else { return }
    conclude(.outputFailed(Failure(.brokenPipe)), at: now)
  }
}
