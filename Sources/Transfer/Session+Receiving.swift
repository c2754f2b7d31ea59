import Wire

// What comes in on a connection, after the bytes are there.
extension Session {
  /// Arms the receive for the present target; only one is in flight per connection.
  mutating func armReceive(_ id: ConnectionID) {
    let connection = connections[id.index]
    guard connection.receiveToken == nil, connection.state != .stopping else { return }
    let region: Region
    switch connection.incoming {
    case .held: return
    case .greeting: region = .control(connection.receivedByteCount..<Greeting.byteCount)
    case .header: region = .control(connection.receivedByteCount..<FrameHeader.byteCount)
    case .payload(let header, let slot):
      region = .slot(slot, connection.receivedByteCount..<Int(header.length))
    case .discard(let header): region = .discard(Int(header.length) - connection.receivedByteCount)
    case .control(let header):
      let start = Self.payloadOffset
      region = .control((start + connection.receivedByteCount)..<(start + Int(header.length)))
    }
    connections[id.index].receiveToken = submit(.receive(id, region), for: .receive(id))
  }

  /// Where the payload of a control frame starts in the incoming control buffer, in bytes; the header
  /// stays in front of it.
  static let payloadOffset = 64
  /// Size that incoming and outgoing control buffers must have, in bytes.
  public static let controlBufferByteCount = 4096

  mutating func didReceive(
    _ id: ConnectionID,
    _ result: Event.Result,
    control: Span<UInt8>,
    at now: Instant
  ) {
    connections[id.index].receiveToken = nil
    guard connections[id.index].state != .stopping else { return closeIfQuiet(id, at: now) }
    if connections[id.index].isLettingGo, letGo(id, result) { return }
    switch result {
    case .failed(let failure):
      drop(id, connections[id.index].sendFailure ?? .failed(failure), at: now)
    case .done(0):
      drop(id, connections[id.index].sendFailure ?? .closedByPeer, at: now)
    case .done(let byteCount):
      connections[id.index].receivedByteCount += byteCount
      guard connections[id.index].receivedByteCount >= targetByteCount(id) else {
        return armReceive(id)
      }
      connections[id.index].receivedByteCount = 0
      didReceiveWhole(id, control: control, at: now)
    }
  }

  /// A frame is here: other connections on which it is still arriving give their slots back, or a
  /// few dead connections in the middle of a frame would use up what the window needs.
  private mutating func letGo(of number: UInt64) {
    for index in connections.indices {
      guard case .payload(let header, _) = connections[index].incoming, header.number == number,
        let token = connections[index].receiveToken, !connections[index].isLettingGo
      else { continue }
      connections[index].isLettingGo = true
      actions.append(.cancel(token))
    }
  }

  /// The rest of a payload that nobody needs any more is thrown away; false if it ended otherwise.
  private mutating func letGo(_ id: ConnectionID, _ result: Event.Result) -> Bool {
    connections[id.index].isLettingGo = false
    guard case .payload(let header, let slot) = connections[id.index].incoming else { return false }
    switch result {
    case .done(let byteCount) where byteCount > 0:
      guard connections[id.index].receivedByteCount + byteCount < Int(header.length) else {
        return false
      }
      connections[id.index].receivedByteCount += byteCount
    case .failed(let failure) where failure.kind == .cancelled:
      break
    case .done, .failed:
      return false
    }
    receiving?.didAbandon(slot)
    connections[id.index].incoming = .discard(header)
    armReceive(id)
    return true
  }

  private func targetByteCount(_ id: ConnectionID) -> Int {
    switch connections[id.index].incoming {
    case .greeting: Greeting.byteCount
    case .header: FrameHeader.byteCount
    case .payload(let header, _), .held(let header), .discard(let header), .control(let header):
      Int(header.length)
    }
  }

  private mutating func didReceiveWhole(
    _ id: ConnectionID,
    control: Span<UInt8>,
    at now: Instant
  ) {
    switch connections[id.index].incoming {
    case .greeting:
      didReceiveGreeting(id, control: control, at: now)
    case .header:
      let header: FrameHeader
      do {
        header = try FrameHeader(decoding: control, seed: seed)
      } catch .damaged {
        return drop(id, .damaged(.damaged), at: now)
      } catch {
        // The check fits: it was meant like that.
        return violate(id, "\(error)", at: now)
      }
      hasHeardPeer = true
      didReceiveHeader(id, header, at: now)
    case .payload(let header, let slot):
      // The checksum comes back in this turn; the next header can already be asked for then.
      awaitingChecksum[slot.index] = id
      if isUnchecked { return didChecksum(slot, header.value, isZero: false, at: now) }
      actions.append(.checksum(slot, byteCount: Int(header.length), findsZeros: false))
    case .discard(let header):
      if header.kind == .data {
        didProcess(id, header, at: now)
      } else if options.role == .receiver {
        connections[id.index].soundingToAnswer = (
          header.detail, header.length, afterLook: lookCount
        )
        actions.append(.lookAtLinks)
      }
      expectHeader(id)
    case .control(let header):
      let bytes = control.extracting(
        Self.payloadOffset..<(Self.payloadOffset + Int(header.length))
      )
      guard XXH64.hash(bytes) == header.value else {
        return drop(id, .damaged(.damagedPayload(header.kind)), at: now)
      }
      didReceiveMessage(id, header, payload: bytes, at: now)
    case .held:
      break
    }
  }

  private mutating func expectHeader(_ id: ConnectionID) {
    guard connections[id.index].isMember else { return }
    connections[id.index].incoming = .header
    armReceive(id)
  }

  private mutating func didReceiveHeader(
    _ id: ConnectionID,
    _ header: FrameHeader,
    at now: Instant
  ) {
    switch (header.kind, options.role) {
    case (.data, .receiver) where !isOutputReady, (.hole, .receiver) where !isOutputReady,
      (.end, .receiver) where !isOutputReady:
      violate(id, "\(header.kind.phrase) before its source was described", at: now)
    case (.data, .receiver):
      admit(id, header, at: now)
    case (.hole, .receiver) where options.bench == nil:
      admitHole(id, header, at: now)
    case (.end, .receiver):
      if let sentence = receiving?.didReceiveEnd(header) {
        return violate(id, sentence, at: now)
      }
      statistics.streamByteCount = header.offset
      expectHeader(id)
    case (.ack, .sender):
      didReceiveAck(id, header, at: now)
    case (.reject, .sender):
      didReceiveReject(id, header, at: now)
    case (.heartbeat, .sender):
      // No more can have been read back than was sent, whatever the peer says.
      let readBack = min(header.value, sending?.nextOffset ?? 0)
      if readBack > statistics.readBackByteCount ?? 0 { statistics.readBackByteCount = readBack }
      expectHeader(id)
    case (.heartbeat, .receiver):
      expectHeader(id)
    case (.goodbye, _):
      didReceiveGoodbye(id, at: now)
    case (.request, .receiver):
      didReceiveRequest(id, header, at: now)
      expectHeader(id)
    case (.sounding, _) where header.length > 0:
      connections[id.index].incoming = .discard(header)
      armReceive(id)
    case (.sounding, _):
      expectHeader(id)
    case (.verdict, .sender), (.abort, _), (.status, _), (.source, .receiver):
      guard header.length > 0 else {
        return didReceiveMessage(id, header, payload: Span(), at: now)
      }
      connections[id.index].incoming = .control(header)
      armReceive(id)
    case (.data, .sender), (.hole, _), (.end, .sender), (.ack, .receiver),
      (.reject, .receiver),
      (.verdict, .receiver), (.request, .sender), (.source, .sender):
      violate(id, "\(header.kind.phrase) was not expected here", at: now)
    }
  }

  // MARK: The receiver's side

  private mutating func admit(_ id: ConnectionID, _ header: FrameHeader, at now: Instant) {
    guard phase == .running, let admission = receiving?.admit(header) else {
      // Everything is written already; this is a copy that was late.
      connections[id.index].incoming = .discard(header)
      return armReceive(id)
    }
    take(admission, of: header, on: id, at: now)
    statistics.duplicateFrameCount = receiving?.duplicateCount ?? 0
  }

  /// Zeros need no memory, so they are taken in at once.
  private mutating func admitHole(_ id: ConnectionID, _ header: FrameHeader, at now: Instant) {
    if phase == .running {
      switch receiving?.admitHole(header) {
      case .violation(let sentence): return violate(id, sentence, at: now)
      case .taken:
        statistics.frameCount += 1
        noteProgress(id, at: now)
      case .duplicate, nil: break
      }
      statistics.duplicateFrameCount = receiving?.duplicateCount ?? 0
      statistics.confirmedByteCount = receiving?.receivedByteCount ?? 0
      statistics.zeroByteCount = receiving?.zeroByteCount ?? 0
    }
    didProcess(id, header, at: now)
    expectHeader(id)
  }

  private mutating func take(
    _ admission: ReceiveStream.Admission,
    of header: FrameHeader,
    on id: ConnectionID,
    at now: Instant
  ) {
    switch admission {
    case .into(let slot): connections[id.index].incoming = .payload(header, slot)
    case .duplicate: connections[id.index].incoming = .discard(header)
    case .wait: connections[id.index].incoming = .held(header)
    case .violation(let sentence): return violate(id, sentence, at: now)
    }
    armReceive(id)
  }

  /// Frames that had to wait for a slot, lowest number first.
  mutating func retryHeldFrames(at now: Instant) {
    guard receiving != nil, isHoldingFrame else { return }
    let held = connections.indices.compactMap { index -> (UInt64, Int)? in
      guard case .held(let header) = connections[index].incoming, connections[index].isMember else {
        return nil
      }
      return (header.number, index)
    }
    for (_, index) in held.sorted(by: { $0 < $1 }) {
      guard case .held(let header) = connections[index].incoming,
        let admission = receiving?.admit(header)
      else { continue }
      if admission == .wait { continue }
      take(admission, of: header, on: ConnectionID(index), at: now)
    }
  }

  mutating func didChecksum(_ slot: SlotID, _ checksum: UInt64, isZero: Bool, at now: Instant) {
    guard options.role == .receiver else { return didSeal(slot, checksum, isZero: isZero) }
    guard let id = awaitingChecksum[slot.index],
      case .payload(let header, slot) = connections[id.index].incoming
    else { return }
    awaitingChecksum[slot.index] = nil
    // From here on the slot is the stream's, also if the connection is being stopped already: it must
    // not give the slot back a second time when it closes.
    connections[id.index].incoming = .header
    if checksum == header.value {
      if receiving?.didReceive(header, in: slot) == true {
        statistics.frameCount += 1
        sumUp(header, in: slot)
        noteProgress(id, at: now)
        letGo(of: header.number)
      }
      statistics.confirmedByteCount = receiving?.receivedByteCount ?? 0
      didProcess(id, header, at: now)
    } else {
      receiving?.didAbandon(slot)
      connections[id.index].processedFrameCount += 1
      statistics.damagedFrameCount += 1
      actions.append(.report(.damagedFrame(offset: header.offset)))
      guard connections[id.index].rejects.count < Limits.pendingRejects else {
        return drop(id, .damaged(.damagedPayload(.data)), at: now)
      }
      connections[id.index].rejects.append(
        Connection.Reject(
          processed: connections[id.index].processedFrameCount,
          number: header.number,
          offset: header.offset
        )
      )
    }
    expectHeader(id)
  }

  private mutating func didProcess(_ id: ConnectionID, _ header: FrameHeader, at now: Instant) {
    connections[id.index].processedFrameCount += 1
    // Zeros take a slot of the sender's memory, whatever they span.
    connections[id.index].unreportedByteCount +=
      header.kind == .hole ? geometry?.frameByteCount ?? 0 : Int(header.length)
    if connections[id.index].unreportedSince == nil { connections[id.index].unreportedSince = now }
  }

  // MARK: The sender's side

  private mutating func didReceiveAck(_ id: ConnectionID, _ header: FrameHeader, at now: Instant) {
    guard acknowledge(id, upTo: header.value, at: now) else { return }
    if sending?.hasStart == false, header.offset <= options.streamByteCount {
      sending?.start(at: header.offset)
      statistics.resumedOffset = header.offset
    }
    // What was read ahead is not on its way yet: a stream begins with its first byte.
    guard let sending, header.offset <= sending.sentOffset else {
      return violate(id, "an acknowledgement of bytes that were never sent", at: now)
    }
    self.sending?.windowLimit = max(sending.windowLimit, header.number)
    self.sending?.writtenOffset = max(sending.writtenOffset, header.offset)
    statistics.writtenOffset = max(statistics.writtenOffset, header.offset)
    expectHeader(id)
  }

  /// Frames of this connection up to `processed` are acknowledged; false if the count is a lie.
  private mutating func acknowledge(_ id: ConnectionID, upTo processed: UInt64, at now: Instant)
    -> Bool
  {
    let known = connections[id.index].acknowledgedFrameCount
    guard processed >= known, processed - known <= UInt64(connections[id.index].carried.count)
    else {
      violate(id, "an acknowledgement of frames that were never sent", at: now)
      return false
    }
    for _ in known..<processed {
      guard let carried = connections[id.index].carried.popFirst() else { break }
      connections[id.index].carriedByteCount -= carried.byteCount
      connections[id.index].rate.didDeliver(
        carried.byteCount,
        isIdle: connections[id.index].carried.isEmpty,
        at: now
      )
      noteLatency(now - carried.at, of: id)
      sending?.didAcknowledge(carried)
    }
    if processed > known {
      connections[id.index].deliveryGap = now - connections[id.index].deliveredAt
      connections[id.index].deliveredAt = now
      noteProgress(id, at: now)
    }
    connections[id.index].acknowledgedFrameCount = processed
    statistics.confirmedByteCount = sending?.acknowledgedByteCount ?? 0
    return true
  }

  private mutating func didReceiveReject(
    _ id: ConnectionID,
    _ header: FrameHeader,
    at now: Instant
  ) {
    guard header.value > 0 else {
      return violate(id, "a rejection of no frame", at: now)
    }
    guard acknowledge(id, upTo: header.value - 1, at: now) else { return }
    guard let carried = connections[id.index].carried.first, carried.number == header.number else {
      return violate(id, "a rejection of a frame that was never sent", at: now)
    }
    _ = connections[id.index].carried.popFirst()
    connections[id.index].carriedByteCount -= carried.byteCount
    connections[id.index].acknowledgedFrameCount += 1
    sending?.didLose(carried)
    statistics.damagedFrameCount += 1
    actions.append(.report(.damagedFrame(offset: header.offset)))
    expectHeader(id)
  }

  // MARK: Both

  private mutating func didReceiveMessage(
    _ id: ConnectionID,
    _ header: FrameHeader,
    payload: Span<UInt8>,
    at now: Instant
  ) {
    switch header.kind {
    case .verdict:
      didReceiveVerdict(id, header, payload: payload, at: now)
      // Whoever does not read does not see the peer close.
      expectHeader(id)
    case .abort:
      if let sending {
        let written = min(header.offset, sending.sentOffset)
        statistics.writtenOffset = max(statistics.writtenOffset, written)
      }
      let ending = Ending(rawValue: header.detail) ?? .internalError
      conclude(.peerEnded(ending, PeerText.decode(payload)), at: now)
      didHearLastWord(id, at: now)
      expectHeader(id)
    case .source:
      do {
        didReceiveSource(id, try SourceDescription(decoding: payload), at: now)
        expectHeader(id)
      } catch {
        violate(id, "\(error)", at: now)
      }
    case .status:
      do {
        didReceiveStatus(header, try LinkStatus.decode(payload), at: now)
        expectHeader(id)
      } catch {
        violate(id, "\(error)", at: now)
      }
    default:
      expectHeader(id)
    }
  }

  private mutating func didReceiveVerdict(
    _ id: ConnectionID,
    _ header: FrameHeader,
    payload: Span<UInt8>,
    at now: Instant
  ) {
    // Said once, on whatever connection: that one may have died since.
    guard let sending, sending.isEndSaid else {
      return violate(id, "a verdict before the end", at: now)
    }
    guard header.detail == Ending.complete.rawValue else {
      let ending = Ending(rawValue: header.detail) ?? .internalError
      return conclude(.peerEnded(ending, PeerText.decode(payload)), at: now)
    }
    guard header.offset == sending.nextOffset else {
      return conclude(
        .mismatch("the receiver wrote \(header.offset) bytes, \(sending.nextOffset) were sent"),
        at: now
      )
    }
    statistics.writtenOffset = header.offset
    statistics.confirmedByteCount = header.offset
    if header.number > 0 { statistics.readBackByteCount = min(header.number, header.offset) }
    conclude(.complete, at: now)
  }

  /// Both sides have something to say: the connection is closed when both have said it.
  private mutating func didHearLastWord(_ id: ConnectionID, at now: Instant) {
    guard connections[id.index].isMember else { return }
    connections[id.index].lastWordHeard = true
    if connections[id.index].abortSent, connections[id.index].sendToken == nil {
      stop(id, isReset: false, at: now)
    }
  }

  private mutating func didReceiveGoodbye(_ id: ConnectionID, at now: Instant) {
    if case .lingering = phase { return conclude(.complete, at: now) }
    // From a side that still owes acknowledgements it is a loss like any other.
    guard connections[id.index].carried.isEmpty else { return drop(id, .closedByPeer, at: now) }
    connections[id.index].loss = .surplus
    // The sender has no use for it: it is not to be dialled again. Of the last one that cannot be
    // true, so that it is, and a goodbye at once is no better than a reset.
    let isSurplus = memberCount > 1
    let group = connections[id.index].group
    dialing?.didGetBack(group)
    noteProof(of: id, isExpected: isSurplus, at: now)
    stop(id, isReset: false, at: now)
    if memberCount == 0 {
      beAlone(at: now)
      noteEvidence(.closedByPeer, at: now)
    }
  }

  /// Ends a connection whose peer broke the protocol; too many of them end the session.
  mutating func violate(_ id: ConnectionID, _ sentence: String, at now: Instant) {
    violationCount += 1
    drop(id, .violation(sentence), at: now)
    if violationCount >= Limits.violationsPerSession {
      conclude(.protocolViolation(sentence), at: now)
    } else if memberCount == 0 {
      blame = (sentence, blame?.since ?? now)
      // One at a time is enough to see whether somebody better comes.
      dialing?.isAnswered = true
    }
  }
}
