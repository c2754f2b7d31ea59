import Wire

// Inputs and outputs that are files or disks: several pieces in flight, each at its offset.
extension Session {
  // MARK: Input

  /// Reads ahead as long as there are slots.
  mutating func pumpPositionalInput() {
    // Each turn takes a slot, or is the last.
    while !isLocating, let step = sending?.nextStep() {
      switch step {
      case .read(let piece): read(piece)
      case .hole(let slot, let header):
        actions.append(.seal(slot, header, seed: seed))
        wasAnswered = true
      case .locate(let offset):
        isLocating = true
        actions.append(.locate(offset))
      }
    }
    statistics.zeroByteCount = sending?.zeroByteCount ?? 0
    guard sending?.isRead == true, sending?.input == .idle else { return }
    // What was read of a file at different moments may belong together at none.
    if options.source.kind == .file { actions.append(.checkInput) } else { endInput() }
  }

  mutating func didCheckInput(isUnchanged: Bool, at now: Instant) {
    guard phase == .running else { return }
    guard isUnchanged else { return conclude(.inputFailed(Failure(.changed)), at: now) }
    endInput()
  }

  private mutating func endInput() {
    sending?.input = .ended
    wasAnswered = true
  }

  private mutating func read(_ piece: Piece) {
    submit(.read(piece.slot, piece.range, at: piece.offset), for: .readAt(piece.slot))
  }

  mutating func didRead(_ slot: SlotID, _ result: Event.Result, at now: Instant) {
    guard phase == .running else { return }
    switch result {
    case .done(0):
      conclude(.inputFailed(Failure(.endedEarly)), at: now)
    case .done(let byteCount):
      statistics.readByteCount += UInt64(byteCount)
      guard let rest = sending?.didRead(slot, byteCount: byteCount) else {
        let byteCount = sending?.frames[slot.index].byteCount ?? 0
        return actions.append(
          .checksum(slot, byteCount: byteCount, findsZeros: options.leavesOutZeros)
        )
      }
      read(rest)
    case .failed(let failure):
      conclude(.inputFailed(failure), at: now)
    }
  }

  // MARK: Output

  /// Writes what is here, wherever it belongs; brings it to the disk before it has become much.
  mutating func pumpPositionalOutput(at now: Instant) {
    flushIfDue(at: now)
    while receiving?.mayWrite == true {
      switch receiving?.beginWriting() {
      case .success(let (number, change)?): write(change, of: number)
      case .failure(let error): return conclude(.mismatch(error.sentence), at: now)
      case .success(nil), nil: return synchronizeIfWritten(at: now)
      }
    }
  }

  private mutating func write(_ change: ReceiveStream.Change, of number: UInt64) {
    let operation: Operation
    switch change {
    case .piece(let piece):
      operation = .write(piece.slot, piece.range, at: piece.offset)
    case .clear(let offset, let byteCount, let isAllocated):
      operation = .clear(at: offset, byteCount: byteCount, isAllocated: isAllocated)
    }
    submit(operation, for: .writeAt(number: number))
  }

  mutating func didWrite(_ number: UInt64, _ result: Event.Result, at now: Instant) {
    guard phase == .running else { return }
    switch result {
    case .done(0):
      conclude(.outputFailed(Failure(.noSpace)), at: now)
    case .done(let byteCount):
      switch receiving?.didWrite(number, byteCount: byteCount) {
      case .success(let rest?): write(rest, of: number)
      case .success(nil), nil: statistics.writtenOffset = receiving?.writtenOffset ?? 0
      case .failure(let error): conclude(.mismatch(error.sentence), at: now)
      }
    case .failed(let failure):
      conclude(.outputFailed(failure), at: now)
    }
  }
}
