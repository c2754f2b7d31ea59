import Wire

// What goes out, on which connection, and what the completions of sends mean.
extension Session {
  /// Gives every idle connection its next message or frame.
  mutating func pumpSends(at now: Instant) {
    // With a preference, those of a lower rank take their frames first, so that the others get one
    // only while these are busy.
    let ranks = options.isPreferring ? dialing?.rankCount ?? 1 : 1
    for rank in 0..<ranks {
      for index in connections.indices
      where connections[index].canSend && (ranks == 1 || self.rank(of: index) == rank) {
        let id = ConnectionID(index)
        if sendMessage(id, at: now) { continue }
        if options.role == .sender { sendFrame(id, at: now) }
      }
    }
  }

  private func rank(of index: Int) -> Int {
    dialing?.groups[connections[index].group].rank ?? 0
  }

  // MARK: Messages

  /// Sends the most urgent message that is due on the connection; false if none is.
  private mutating func sendMessage(_ id: ConnectionID, at now: Instant) -> Bool {
    if case .parting(let outcome, _) = phase { return sendParting(id, outcome, at: now) }
    if options.role == .receiver {
      if sendReject(id, at: now) || sendVerdict(id, at: now) || sendStatus(id, at: now)
        || sendAck(id, at: now)
      {
        return true
      }
    } else {
      if sendSource(id, at: now) { return true }
      if sendRequest(id, at: now) || sendStatus(id, at: now) { return true }
      if sendEnd(id, at: now) || sendGoodbyeOfRetiring(id, at: now) { return true }
    }
    guard now - connections[id.index].lastSent >= Limits.heartbeatInterval else { return false }
    let header = FrameHeader(
      .heartbeat,
      offset: receiving?.writtenOffset ?? 0,
      value: readBack?.readOffset ?? 0
    )
    compose(id, header, at: now)
    return true
  }

  /// What is read is said before anything else, on every connection, since any may die.
  private mutating func sendSource(_ id: ConnectionID, at now: Instant) -> Bool {
    guard !connections[id.index].sourceSent else { return false }
    connections[id.index].sourceSent = true
    let payload = options.source.encoded
    let header = FrameHeader(
      .source,
      length: UInt32(payload.count),
      value: XXH64.hash(payload.span)
    )
    compose(id, header, payload: payload, at: now)
    return true
  }

  private mutating func sendReject(_ id: ConnectionID, at now: Instant) -> Bool {
    guard let reject = connections[id.index].rejects.first else { return false }
    connections[id.index].rejects.removeFirst()
    compose(
      id,
      FrameHeader(
        .reject,
        offset: reject.offset,
        number: reject.number,
        value: reject.processed
      ),
      at: now
    )
    return true
  }

  private mutating func sendVerdict(_ id: ConnectionID, at now: Instant) -> Bool {
    guard case .lingering = phase, !connections[id.index].verdictSent, let receiving else {
      return false
    }
    if sendFinalStatus(id, at: now) { return true }
    connections[id.index].verdictSent = true
    compose(
      id,
      FrameHeader(
        .verdict,
        offset: receiving.writtenOffset,
        number: readBack?.byteCount ?? 0,
        detail: Ending.complete.rawValue
      ),
      at: now
    )
    return true
  }

  /// Every connection hears of the end, so that no single loss can delay it.
  private mutating func sendEnd(_ id: ConnectionID, at now: Instant) -> Bool {
    guard let sending, sending.isEverythingSent, !connections[id.index].endSent else {
      return false
    }
    connections[id.index].endSent = true
    self.sending?.isEndSaid = true
    compose(
      id,
      FrameHeader(
        .end,
        offset: sending.nextOffset,
        number: sending.nextNumber,
        value: sending.digest.value
      ),
      at: now
    )
    return true
  }

  private mutating func sendGoodbyeOfRetiring(_ id: ConnectionID, at now: Instant) -> Bool {
    guard connections[id.index].state == .retiring, connections[id.index].carried.isEmpty,
      !connections[id.index].goodbyeSent
    else { return false }
    connections[id.index].goodbyeSent = true
    compose(id, FrameHeader(.goodbye), at: now)
    return true
  }

  /// The last word on a connection: goodbye after success, else why it ended.
  private mutating func sendParting(_ id: ConnectionID, _ outcome: Outcome, at now: Instant) -> Bool
  {
    guard !connections[id.index].abortSent else { return true }
    if outcome == .complete, sendFinalStatus(id, at: now) { return true }
    connections[id.index].abortSent = true
    switch outcome {
    case .complete:
      compose(id, FrameHeader(.goodbye), at: now)
    case .peerEnded, .peerGone, .peerReplaced, .refused, .notBraid, .notConnected:
      stop(id, isReset: false, at: now)
    case .networkSilent, .joinedInVain, .inputFailed, .outputFailed, .unfit, .mismatch,
      .protocolViolation, .interrupted:
      let text = PeerText.encode(options.describe(outcome))
      let header = FrameHeader(
        .abort,
        length: UInt32(text.count),
        offset: receiving?.takenOffset ?? 0,
        value: XXH64.hash(text.span),
        detail: outcome.ending.rawValue
      )
      compose(id, header, payload: text, at: now)
    }
    return true
  }

  mutating func compose(
    _ id: ConnectionID,
    _ header: FrameHeader,
    payload: [UInt8] = [],
    at now: Instant
  ) {
    actions.append(.compose(id, header, payload: payload, seed: seed))
    connections[id.index].outgoing = .message(
      byteCount: FrameHeader.byteCount + payload.count,
      header.kind
    )
    connections[id.index].sentByteCount = 0
    connections[id.index].lastSent = now
    continueSend(id)
  }

  // MARK: Frames

  /// Hands the connection the next frame, or the one that the window waits for.
  private mutating func sendFrame(_ id: ConnectionID, at now: Instant) {
    guard phase == .running, connections[id.index].state == .joined, gathering?.step == .done,
      !connections[id.index].carried.isFull, sending != nil
    else { return }
    guard mayStartFrame, !isHeldForPartner else { return }
    var next: Connection.Carried?
    if isPunctual(id) {
      next = sending?.nextToSend(at: now)
      if next != nil { sending?.readAhead.didServe(at: now) }
      if next == nil, !isStalled { sending?.readAhead.didRunDry(at: now) }
    }
    if next == nil, isStalled, let late = lateFrame(for: id, at: now) {
      next = sending?.sendCopy(of: late, at: now)
    }
    let isTrial = next == nil && isTrialDue(id, at: now)
    if isTrial, let newest = sending?.newestOutstanding {
      next = sending?.sendCopy(of: newest, at: now)
    }
    guard let next else { return }
    pace?.didStart(byteCount: next.byteCount - FrameHeader.byteCount, at: now)
    if connections[id.index].carried.isEmpty {
      connections[id.index].rate.didBecomeBusy(isTrial: isTrial, at: now)
      connections[id.index].deliveredAt = now
    }
    connections[id.index].carried.append(next)
    connections[id.index].carriedByteCount += next.byteCount
    connections[id.index].outgoing = .frame(
      next.slot,
      number: next.number,
      byteCount: next.byteCount
    )
    connections[id.index].sentByteCount = 0
    connections[id.index].lastSent = now
    statistics.resentFrameCount = sending?.resentFrameCount ?? 0
    // Those that were passed over before it was the last one hear of the end as well.
    if sending?.isEverythingSent == true { wasAnswered = true }
    continueSend(id)
  }

  /// The largest frame that we want: of a pair, only the direction with a limit has smaller ones.
  var frameByteCount: Int {
    let most = min(options.frameByteCount, fittingByteCount ?? .max)
    guard pace != nil, let rate = options.rateLimit else { return most }
    return min(most, Pace.frameByteCount(bitsPerSecond: rate))
  }

  /// Settles, with the first hello, which frames suit links of different speeds.
  ///
  /// The others wait for a frame on a slow link: what all links deliver until it has come there, and
  /// its answer back, is to fit the window. With one more behind it, and room for what nobody
  /// foresees, it takes an eighth of what the window lasts beyond the round trip. A fast link in turn is
  /// not to be done with one before the next is there.
  mutating func fitFrames(roundTrip: Duration) {
    guard fittingByteCount == nil else { return }
    fittingByteCount = .max
    let rates = localLinks.map { Int64(clamping: $0.bitsPerSecond / 8) }
    let sum = rates.reduce(0, +)
    // What adds so little is not worth smaller frames, and may carry none.
    guard !rates.contains(0), let slowest = rates.filter({ $0 * 100 >= sum }).min() else { return }
    let lasting = Int64(options.ownMemoryByteCount) * 1_000_000 / (sum / 1000 + 1)
    let time = lasting - roundTrip.inNanoseconds
    // Where the window does not last for a round trip, slow links are of no use.
    guard time > 0 else { return }
    let most = slowest / 1000 * (time / 8000) / 1000
    let least = (rates.max() ?? 0) / 1000 * (Limits.fittedFrameTime.inNanoseconds / 1000) / 1000
    fittingByteCount = max(Int(max(most, least)) & ~4095, Limits.fittedFrameMinimum)
  }

  /// Whether the user's limit lets another frame go; one that is sent again counts like any other,
  /// a burst that sounds a connection does not.
  var mayStartFrame: Bool { pace?.allowsFrame(at: present) ?? true }

  /// Submits what is left of the present message or frame.
  mutating func continueSend(_ id: ConnectionID) {
    let connection = connections[id.index]
    let operation: Operation
    switch connection.outgoing {
    case .nothing: return
    case .message(let byteCount, _):
      operation = .send(id, .control(connection.sentByteCount..<byteCount), zeroCopy: false)
    case .frame(let slot, _, let byteCount):
      let from = connection.sentByteCount - FrameHeader.byteCount
      let region = Region.slot(slot, from..<(byteCount - FrameHeader.byteCount))
      // Below this the notification costs more than the copy (io_uring.md, section 2.4).
      // A slot has few places for late notifications: sends that are short or lost again and again
      // while the kernel keeps the slot are copied.
      let isCrowded = (sending?.frames[slot.index].kernelCount ?? 0) > Limits.copiesPerFrame
      let zeroCopy = connection.mayZeroCopy && region.byteCount >= 32 << 10 && !isCrowded
      if zeroCopy {
        statistics.zeroCopySendCount += 1
        if connection.zeroCopy == .untried { connections[id.index].zeroCopy = .onTrial }
      }
      operation = .send(id, region, zeroCopy: zeroCopy)
    case .sounding(let slot, let byteCount):
      let from = connection.sentByteCount - FrameHeader.byteCount
      let region = Region.slot(slot, from..<(byteCount - FrameHeader.byteCount))
      operation = .send(id, region, zeroCopy: false)
    }
    connections[id.index].sendToken = submit(operation, for: .send(id))
  }

  // MARK: Completions

  mutating func didSend(
    _ id: ConnectionID,
    _ token: OperationToken,
    _ result: Event.Result,
    releaseFollows: Bool,
    at now: Instant
  ) {
    connections[id.index].sendToken = nil
    if releaseFollows, case .frame(let slot, _, _) = connections[id.index].outgoing {
      inFlight.awaitRelease(
        token,
        of: slot,
        on: id,
        serial: connections[id.index].serial
      )
      // The rest of a short send, or the copying send after a failed one, needs the slot as well.
      sending?.willStayInKernel(slot)
    }
    switch result {
    case .failed(let failure):
      if !retryByCopy(id, failure) { sendEnded(id, .failed(failure), at: now) }
    case .done(let byteCount):
      connections[id.index].sentByteCount += byteCount
      if byteCount == 0 { return sendEnded(id, .closedByPeer, at: now) }
      if connections[id.index].state == .stopping { return sendEnded(id, nil, at: now) }
      if connections[id.index].sentByteCount < outgoingByteCount(id) {
        return continueSend(id)
      }
      didSendWhole(id, at: now)
    }
  }

  private func outgoingByteCount(_ id: ConnectionID) -> Int {
    switch connections[id.index].outgoing {
    case .nothing: 0
    case .message(let byteCount, _), .frame(_, _, let byteCount), .sounding(_, let byteCount):
      byteCount
    }
  }

  /// A zero-copy send that the kernel cannot do is done by copying, there and from then on.
  private mutating func retryByCopy(_ id: ConnectionID, _ failure: Failure) -> Bool {
    guard connections[id.index].zeroCopy != .never, connections[id.index].isMember,
      case .frame = connections[id.index].outgoing,
      failure.kind == .noBuffers || failure.kind == .notSupported
    else { return false }
    connections[id.index].zeroCopy = .never
    continueSend(id)
    return true
  }

  private mutating func sendEnded(_ id: ConnectionID, _ loss: Notice.Loss?, at now: Instant) {
    finishOutgoing(id)
    if let loss, connections[id.index].state != .stopping {
      if mayStillBeRead(id, after: loss) {
        connections[id.index].sendFailure = loss
        connections[id.index].deadline = now + Limits.partingTimeout
      } else {
        drop(id, loss, at: now)
      }
    }
    closeIfQuiet(id, at: now)
  }

  /// A peer that gives up says why and closes; its reset can end our send before we have read the
  /// reason, which the kernel still has for us.
  private func mayStillBeRead(_ id: ConnectionID, after loss: Notice.Loss) -> Bool {
    guard connections[id.index].isMember, connections[id.index].receiveToken != nil,
      case .failed(let failure) = loss
    else { return false }
    return failure.kind == .reset || failure.kind == .brokenPipe
  }

  private mutating func didSendWhole(_ id: ConnectionID, at now: Instant) {
    let outgoing = connections[id.index].outgoing
    finishOutgoing(id)
    if let greeting = connections[id.index].queuedGreeting {
      connections[id.index].queuedGreeting = nil
      return greet(id, greeting)
    }
    switch outgoing {
    case .message(_, .goodbye) where !isParting:
      stop(id, isReset: false, at: now)
    case .message(_, .goodbye), .message(_, .abort):
      // The peer closes when it has read this. Closed here with anything unread, the connection
      // would be reset, and the last word lost.
      if connections[id.index].lastWordHeard { stop(id, isReset: false, at: now) }
    case .message where connections[id.index].state == .refusing:
      stop(id, isReset: false, at: now)
    case .frame:
      statistics.frameCount += 1
    case .nothing, .message, .sounding:
      break
    }
  }

  /// The kernel is done with what was being sent (or will say so by a notification).
  private mutating func finishOutgoing(_ id: ConnectionID) {
    switch connections[id.index].outgoing {
    case .frame(let slot, _, _): sending?.didLeaveKernel(slot)
    case .sounding(let slot, _): sending?.didSound(slot)
    case .nothing, .message: break
    }
    connections[id.index].outgoing = .nothing
  }

  /// The kernel has said what it made of a zero-copy send: from now on this connection does the same.
  mutating func didRelease(on id: ConnectionID, serial: UInt64, wasCopied: Bool) {
    if wasCopied { statistics.copiedSendCount += 1 }
    guard options.zeroCopy == .auto, connections[id.index].serial == serial,
      connections[id.index].zeroCopy != .never
    else { return }
    connections[id.index].zeroCopy = wasCopied ? .never : .always
  }
}
