import Wire

@testable import Transfer

// The kernel's part: what the session asks for, and how operations end.
extension Rig {
  func perform(_ action: Action) {
    trace("  \(action)")
    switch action {
    case .submit(let token, let operation): submit(token, operation)
    case .cancel(let token):
      for index in pending.indices where pending[index].token == token {
        pending[index].isStopped = true
      }
    case .configure(let geometry):
      check(slots.isEmpty, "the arena is cut twice")
      check(geometry.frameByteCount <= frameByteCount, "frames larger than ours")
      check(
        geometry.slotCount * geometry.stride <= session.options.memoryByteCount,
        "more slots than memory"
      )
      slots = Array(repeating: Slot(), count: geometry.slotCount)
    case .checksum(let slot, _, _): answerChecksum(slot)
    case .sum(let slot, let bytes, let offset):
      check(bytes.upperBound <= frameByteCount, "\(bytes)")
      handle(.didSum(slot, at: offset, tape.isOdd(share: 4) ? 1 : 0))
    case .readBack: check(isReceiver, "an input is read back")
    case .locate(let offset):
      check(isReceiver || offset < session.options.streamByteCount, "nothing is behind the end")
      // Anything, also what a file that changes meanwhile would say.
      let start = offset &+ tape.value(0, [65_536, 1 << 20]) % (1 << 40)
      handle(.didLocate(from: offset, data: start..<start &+ tape.value(4096) % (1 << 40)))
    case .checkInput: handle(.didCheckInput(isUnchanged: tape.value(8) != 0))
    case .seal(let slot, let header, _):
      check(slots[slot.index].readers == 0, "a header is written while its slot is sent")
      slots[slot.index].sealed = header
    case .greet(let id, let greeting):
      if greeting.kind == .hello { places[id.index].hello = greeting }
      if greeting.kind == .welcome { places[id.index].welcome = greeting }
    case .compose(let id, let header, _, _):
      check(!sendsOnSocket(id), "a message is written while another one is sent")
      if header.kind == .end { endSeen = header }
      if header.kind == .verdict { places[id.index].verdictDue = true }
    case .stop(let id):
      for index in pending.indices where pending[index].operation.connection == id {
        pending[index].isStopped = true
      }
    case .close(let id, _):
      let isQuiet = !pending.contains { $0.operation.connection == id }
      check(isQuiet, "closed while operations are in flight")
      places[id.index] = Place()
    case .closeOutput:
      let isBusy = pending.contains { if case .write = $0.operation { true } else { false } }
      check(session.options.hasCommand && !isBusy && !isOutputClosed, "the output is closed early")
      isOutputClosed = true
    case .endCommand:
      check(session.options.hasCommand, "there is no command to end")
      for index in pending.indices where pending[index].operation == .awaitCommand {
        pending[index].isStopped = true
      }
    case .handOver: check(false, "a connection is given away by who is no pair")
    case .measure(let id): handle(.measured(id, measurement()))
    case .lookAtLinks:
      var view = links
      for index in view.indices { view[index].sentByteCount = tape.value(0) }
      let lanes = links.indices.map { Lane(target: $0 % 2, link: $0) }
      let isDialler = session.dialing != nil
      handle(.didLookAtLinks(LinkView(links: view, lanes: isDialler ? lanes : [])))
    case .report: break
    case .finish(let outcome): finish(outcome)
    }
  }

  private func measurement() -> Measurement? {
    guard tape.isOdd(share: 60) else { return nil }
    return Measurement(
      acknowledgedByteCount: tape.number(),
      receivedByteCount: tape.number(),
      isAwaitingAnswer: tape.isOdd(share: 128),
      sinceLastAnswer: .milliseconds(Int64(tape.byte()) * 100)
    )
  }

  private func sendsOnSocket(_ id: ConnectionID) -> Bool {
    pending.contains { if case .send(id, _, _) = $0.operation { true } else { false } }
  }

  private func submit(_ token: OperationToken, _ operation: Transfer.Operation) {
    check(!pending.contains { $0.token == token }, "a token is used twice")
    check(!releases.contains { $0.token == token }, "a token is used twice")
    switch operation {
    case .send(let id, let region, _):
      check(!sendsOnSocket(id), "two sends on one socket")
      if case .slot(let slot, let bytes) = region {
        check(!slots[slot.index].isWritten, "a slot is sent while it is written")
        check(bytes.lowerBound >= -40 && bytes.upperBound <= frameByteCount, "\(bytes)")
        slots[slot.index].readers += 1
      }
    case .receive(let id, let region): receive(id, region)
    case .read(let slot, let bytes, let offset):
      check((offset != nil) == session.options.isPositional, "an offset, or none, for the input")
      check(slots[slot.index].readers == 0, "a slot is read into while it is sent")
      check(!slots[slot.index].isWritten, "a slot is written twice")
      check(bytes.lowerBound >= 0 && bytes.upperBound <= frameByteCount, "\(bytes)")
      check(!bytes.isEmpty, "an empty read looks like the end")
      slots[slot.index].isWritten = true
    case .write(let slot, let bytes, let offset):
      let count = pending.count { if case .write = $0.operation { true } else { false } }
      let limit = session.options.isPositional ? Limits.writesInFlight : 1
      check(count < limit, "\(count + 1) writes at a time")
      check((offset != nil) == session.options.isPositional, "an offset, or none, for the output")
      checkWrite(slot, bytes, at: offset)
    case .writeZeros(let byteCount):
      let isAlone = !pending.contains {
        if case .write = $0.operation { true } else { false }
      }
      check(isAlone && (1...Limits.zerosByteCount).contains(byteCount), "\(byteCount) zeros")
    case .clear(let offset, let byteCount, _):
      check((1...Limits.clearByteCount).contains(byteCount), "\(byteCount) bytes to clear")
      check(offset <= UInt64(Int64.max) - byteCount, "zeros at \(offset)")
    case .flush(let offset):
      check(offset <= startOffset + writtenByteCount, "a flush of what is not written")
    case .connect(let id, let target, let link):
      check(target < 2 && link ?? 0 < max(links.count, 1), "\(target), \(link ?? 0)")
      places[id.index] = Place()
    case .accept(let id):
      check(!pending.contains { $0.operation.isAccept }, "two accepts")
      places[id.index] = Place()
    case .awaitCommand:
      check(session.options.hasCommand, "there is no command to wait for")
    case .writeJournal:
      break
    case .publish: check(isReceiver, "an input gets a name")
    case .watchOutput, .synchronize:
      check(!session.options.hasCommand || !isReceiver, "a command is no file and no pipe's reader")
    }
    // Per connection one of each direction, and the ends of the stream.
    let most = Limits.connectionTableSize * 2 + 5 + Limits.readsInFlight
    check(pending.count < most, "too many operations")
    pending.append(Pending(token: token, operation: operation))
  }

  private func receive(_ id: ConnectionID, _ region: Region) {
    let others = pending.contains {
      if case .receive(id, _) = $0.operation { true } else { false }
    }
    check(!others, "two receives on one socket")
    switch region {
    case .slot(let slot, let bytes):
      check(isReceiver, "a sender receives data")
      check(!slots[slot.index].isWritten, "a slot is written twice")
      check(slots[slot.index].frame == nil, "a frame is overwritten before it is written")
      check(bytes.lowerBound >= 0 && bytes.upperBound <= frameByteCount, "\(bytes)")
      check(bytes.upperBound == places[id.index].header.map { Int($0.length) }, "\(bytes)")
      slots[slot.index].isWritten = true
    case .control(let bytes):
      check(bytes.lowerBound >= 0 && bytes.upperBound <= 4096, "\(bytes) of the control buffer")
    case .discard(let count):
      check((1...Int(Int32.max)).contains(count), "discard of \(count)")
    }
  }

  /// Only what arrived whole and checked is written, in order or at its offset, once.
  private func checkWrite(_ slot: SlotID, _ bytes: Range<Int>, at offset: UInt64?) {
    guard let frame = slots[slot.index].frame else {
      return check(false, "a slot is written out that no frame came into")
    }
    check(!slots[slot.index].isWritten, "a slot is written out while it is received into")
    let place = frame.offset.addingReportingOverflow(UInt64(bytes.lowerBound))
    check(!place.overflow && place.partialValue == offset ?? writtenByteCount, "a wrong place")
    check(bytes.upperBound == Int(frame.length) && !bytes.isEmpty, "\(bytes) of \(frame)")
  }

  private func answerChecksum(_ slot: SlotID) {
    guard isReceiver else {
      let sum = XXH64.hash([UInt8(slot.index)].span)
      return handle(.didChecksum(slot, sum, isZero: tape.isOdd(share: 30)))
    }
    guard let owner = session.awaitingChecksum[slot.index],
      let header = places[owner.index].header
    else {
      // The connection was stopped in this very turn: the answer must not matter.
      return handle(.didChecksum(slot, 0, isZero: false))
    }
    // One byte of the tape: mostly the payload is what its header says.
    let fits = !tape.isOdd(share: 24)
    let isNew =
      header.number >= session.receiving?.nextNumber ?? 0
      && !slots.contains { $0.frame?.number == header.number }
    if fits, isNew { slots[slot.index].frame = header }
    let duplicateCount = session.receiving?.duplicateCount
    handle(.didChecksum(slot, fits ? header.value : ~header.value, isZero: false))
    // A hole of the same number may have come before, and has no slot in which it could be seen.
    if session.receiving?.duplicateCount != duplicateCount { slots[slot.index].frame = nil }
  }

  // MARK: Completions

  /// Ends a pending operation.
  func complete(_ index: Int, _ result: Event.Result) {
    let done = pending.remove(at: index)
    pastTokens.append(done.token)
    if pastTokens.count > 8 { pastTokens.removeFirst() }
    var releaseFollows = false
    switch done.operation {
    case .send(let id, let region, let zeroCopy):
      releaseFollows = zeroCopy && !tape.isOdd(share: 30)
      didSend(id, region, result)
      if case .slot(let slot, _) = region {
        if releaseFollows {
          releases.append((done.token, slot))
          let count = releases.count { $0.slot == slot }
          check(count <= Limits.copiesPerFrame, "\(count) notifications for one slot")
        } else {
          slots[slot.index].readers -= 1
        }
      }
    case .receive(let id, let region):
      check(session.controlOwner(of: done.token) == id, "a receive without an owner")
      if case .slot(let slot, _) = region { slots[slot.index].isWritten = false }
    case .read(let slot, _, _):
      slots[slot.index].isWritten = false
      if case .done(let count) = result, !isReceiver {
        readByteCount += UInt64(count)
        inputLeft -= count
        hasInputEnded = hasInputEnded || count == 0
      }
    case .write(let slot, let bytes, _):
      guard case .done(let count) = result, let frame = slots[slot.index].frame else { break }
      writtenByteCount += UInt64(count)
      if count == bytes.count {
        writtenDigest.add(
          offset: frame.offset,
          length: UInt64(frame.length),
          checksum: frame.value
        )
        slots[slot.index].frame = nil
      }
    case .writeZeros, .clear:
      if case .done(let count) = result { writtenByteCount += UInt64(count) }
    case .flush, .writeJournal: break
    case .synchronize:
      if case .done = result { isSynchronized = true }
    case .awaitCommand: commandEnd = result
    case .connect, .accept, .watchOutput, .publish:
      break
    }
    var control: [UInt8] = []
    if case .receive(let id, _) = done.operation { control = places[id.index].control }
    handle(
      .completed(done.token, result, releaseFollows: releaseFollows),
      control: control
    )
  }

  // MARK: The end

  /// A session that says complete has every reason to.
  private func finish(_ outcome: Outcome) {
    check(self.outcome == nil, "it ends twice")
    self.outcome = outcome
    let isBusy = pending.contains { $0.operation.connection != nil && !$0.operation.isAccept }
    check(!isBusy, "the end, with operations in flight")
    guard outcome == .complete else { return }
    if session.options.hasCommand {
      check(commandEnd == .done(0), "complete, but the command did not end well")
      check(!isReceiver || isOutputClosed, "complete, but the command's input is open")
    }
    if isReceiver {
      let isAnnounced = endsHeard.contains {
        $0.offset == startOffset + writtenByteCount && (hasHole || $0.value == writtenDigest.value)
      }
      let isSafe = isSynchronized || isOutputClosed
      check(isAnnounced && isSafe, "complete, but \(writtenByteCount) bytes are no end")
    } else {
      // What lies in holes is not read.
      let options = session.options
      let byteCount = options.isPositional ? options.streamByteCount : readByteCount
      let isConfirmed = verdictsHeard.contains {
        $0.offset == byteCount && $0.detail == Ending.complete.rawValue
      }
      check(hasInputEnded && isConfirmed, "complete, but nobody confirmed it")
    }
  }
}
