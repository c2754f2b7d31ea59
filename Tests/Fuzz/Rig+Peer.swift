import Wire

@testable import Transfer

// The peer's part: what an honest one would send next, and what a hostile one makes of it.
extension Rig {
  /// How a pending operation ends; nil if it cannot at present.
  func result(of index: Int, _ oddness: UInt8) -> Event.Result? {
    let entry = pending[index]
    if entry.isStopped, !tape.isOdd(share: 40) { return .failed(Failure(.cancelled)) }
    switch entry.operation {
    case .connect, .accept: return .done(0)
    case .send(_, let region, _):
      // Also a send of no byte at all, which the kernel never promises not to do.
      let isOdd = tape.isOdd(share: oddness)
      return .done(isOdd ? tape.choice(region.byteCount + 1) : region.byteCount)
    case .read(_, let bytes, _):
      // An output that is read back may also have become shorter, or hold other bytes.
      let most = isReceiver ? bytes.count : min(bytes.count, max(inputLeft, 0))
      return .done(tape.isOdd(share: oddness) ? min(Int(tape.byte()), most) : most)
    case .write(_, let bytes, _):
      return .done(tape.isOdd(share: oddness) ? tape.choice(bytes.count + 1) : bytes.count)
    case .writeZeros(let byteCount):
      return .done(tape.isOdd(share: oddness) ? tape.choice(byteCount + 1) : byteCount)
    case .clear(_, let byteCount, _):
      return .done(tape.isOdd(share: oddness) ? tape.choice(Int(byteCount) + 1) : Int(byteCount))
    case .synchronize, .flush, .writeJournal, .publish: return .done(0)
    case .awaitCommand:
      if tape.isOdd(share: oddness / 8) { return .failed(Failure(.commandExited, code: 1)) }
      return hasInputEnded || isOutputClosed || tape.isOdd(share: oddness) ? .done(0) : nil
    case .watchOutput: return tape.isOdd(share: oddness / 8) ? .done(0) : nil
    case .receive(let id, let region): return arrival(id, region, oddness)
    }
  }

  private func arrival(_ id: ConnectionID, _ region: Region, _ oddness: UInt8)
    -> Event.Result?
  {
    if oddness > 100, tape.isOdd(share: 20) { return .done(0) }
    switch region {
    case .slot(_, let bytes):
      return .done(tape.isOdd(share: oddness) ? 1 + tape.choice(bytes.count) : bytes.count)
    case .discard(let count):
      return .done(tape.isOdd(share: oddness) ? 1 + tape.choice(count) : count)
    case .control(let bytes):
      if places[id.index].message.isEmpty {
        guard let message = message(id, bytes, oddness) else { return nil }
        places[id.index].message = message
      }
      let most = min(bytes.count, places[id.index].message.count)
      let count = tape.isOdd(share: oddness) ? 1 + tape.choice(most) : most
      for (index, byte) in places[id.index].message.prefix(count).enumerated() {
        places[id.index].control[bytes.lowerBound + index] = byte
      }
      places[id.index].message.removeFirst(count)
      return .done(count)
    }
  }

  private func message(_ id: ConnectionID, _ bytes: Range<Int>, _ oddness: UInt8)
    -> [UInt8]?
  {
    if oddness > 100, tape.isOdd(share: 30) { return tape.bytes(bytes.count) }
    if bytes.upperBound == Greeting.byteCount, session.connections[id.index].incoming == .greeting {
      return greeting(id, oddness).map { greeting in
        encoded(Greeting.byteCount) { greeting.encode(into: &$0) }
      }
    }
    if bytes.upperBound == FrameHeader.byteCount {
      guard let header = header(id, oddness) else { return nil }
      places[id.index].header = header
      let seed = session.seed
      note(header)
      return encoded(FrameHeader.byteCount) { header.encode(into: &$0, seed: seed) }
    }
    return places[id.index].payload
  }

  /// Ends and verdicts that the session may believe.
  private func note(_ header: FrameHeader) {
    if header.kind == .hole { hasHole = true }
    if header.kind == .end { endsHeard.append(header) }
    if header.kind == .verdict { verdictsHeard.append(header) }
  }

  // MARK: Handshake

  private func greeting(_ id: ConnectionID, _ oddness: UInt8) -> Greeting? {
    let options = session.options
    let key = options.authenticator
    let place = places[id.index]
    var greeting: Greeting
    switch session.connections[id.index].state {
    case .awaitingHello:
      greeting = Greeting(
        .hello,
        role: options.role.opposite,
        session: peerSession,
        frameByteCount: UInt32(frameByteCount)
      )
      greeting.connectionNumber = UInt32(truncatingIfNeeded: session.nextSerial)
    case .awaitingConfirm:
      guard let hello = session.connections[id.index].greeting, let welcome = place.welcome else {
        return nil
      }
      greeting = hello
      greeting.kind = .confirm
      greeting.proof = key?.tag(Handshake.diallerTranscript(hello, welcome)) ?? .zero
    case .awaitingWelcome:
      guard let hello = place.hello else { return nil }
      greeting = Greeting(
        .welcome,
        role: options.role.opposite,
        session: hello.session,
        frameByteCount: UInt32(frameByteCount)
      )
      greeting.isKeyed = key != nil
      greeting.proof = key?.tag(Handshake.listenerTranscript(hello, greeting)) ?? .zero
    default: return nil
    }
    greeting.isKeyed = key != nil
    if tape.isOdd(share: oddness) { distort(&greeting) }
    return greeting
  }

  private func distort(_ greeting: inout Greeting) {
    switch tape.choice(9) {
    case 0: greeting.kind = Greeting.Kind(rawValue: tape.byte() % 4 + 1) ?? .hello
    case 1: greeting.role = greeting.role.opposite
    case 2: greeting.isKeyed.toggle()
    case 3: greeting.connectionCount = UInt16(truncatingIfNeeded: tape.number())
    case 4: greeting.refusal = Refusal.allCases[tape.choice(Refusal.allCases.count)]
    case 5: greeting.frameByteCount = 4096 + UInt32(tape.byte()) * 4000
    case 6: greeting.streamByteCount = tape.value(0)
    case 7: greeting.session = SessionID(low: tape.value(greeting.session.low), high: 1)
    default: greeting.proof = .zero
    }
  }

  // MARK: Frames

  private func header(_ id: ConnectionID, _ oddness: UInt8) -> FrameHeader? {
    places[id.index].payload = []
    let honest = isReceiver ? senderHeader(id) : receiverHeader(id)
    guard tape.isOdd(share: oddness) else { return honest }
    return hostileHeader(id, honest ?? FrameHeader(.heartbeat))
  }

  /// What an honest sender would say next.
  private func senderHeader(_ id: ConnectionID) -> FrameHeader? {
    guard let receiving = session.receiving else { return nil }
    if places[id.index].verdictDue { return FrameHeader(.goodbye) }
    // Of an output that is written at offsets, this comes first.
    if session.options.isPositional, session.source == nil {
      return message(.source, Self.source.encoded, detail: 0, on: id)
    }
    let number = peerFrames.count
    if number < peerFrameCount {
      guard UInt64(number) < receiving.windowLimit else { return nil }
      let offset = peerFrames.last.map { $0.offset + $0.span } ?? startOffset
      if hasHoles, number % 2 == 1 {
        let span = UInt64(number) << 20 + 17
        let hole = FrameHeader(.hole, offset: offset, number: UInt64(number), value: span)
        peerFrames.append(hole)
        peerDigest.add(hole)
        return hole
      }
      let length = 1 + UInt32(number * 997 % frameByteCount)
      let frame = FrameHeader(
        .data,
        length: length,
        offset: offset,
        number: UInt64(number),
        value: XXH64.hash([UInt8(number)].span)
      )
      peerFrames.append(frame)
      peerDigest.add(offset: offset, length: UInt64(length), checksum: frame.value)
      return frame
    }
    let lost = peerFrames.first { frame in
      frame.number >= receiving.nextNumber && frame.kind == .data
        && !slots.contains { $0.frame?.number == frame.number }
    }
    if let lost, receiving.end != nil { return lost }
    guard receiving.end == nil else { return nil }
    return FrameHeader(
      .end,
      offset: peerFrames.last.map { $0.offset + $0.span } ?? startOffset,
      number: UInt64(peerFrameCount),
      value: peerDigest.value
    )
  }

  /// What an honest receiver would say next.
  private func receiverHeader(_ id: ConnectionID) -> FrameHeader? {
    let hasSpoken = places[id.index].header != nil
    if !hasSpoken { return status(id, linkCount: links.count, detail: 0) }
    var offset: UInt64 = 0
    var number: UInt64 = 0
    // Ends: numbers are distinct keys of a finite table.
    while let frame = peerReceived[number] {
      offset = frame.offset + frame.span
      number += 1
    }
    if let end = endSeen, end.number == number {
      return FrameHeader(.verdict, offset: offset, detail: Ending.complete.rawValue)
    }
    return FrameHeader(
      .ack,
      offset: offset,
      number: number + 4,
      value: places[id.index].processed
    )
  }

  private func status(_ id: ConnectionID, linkCount: Int, detail: UInt32) -> FrameHeader {
    var view = (0..<linkCount).map { Self.link("peer\($0)") }
    for index in view.indices { view[index].receivedByteCount = tape.value(1 << 20) }
    return message(.status, LinkStatus.encode(view), detail: detail, on: id)
  }

  private func message(
    _ kind: FrameKind,
    _ payload: [UInt8],
    detail: UInt32,
    on id: ConnectionID
  ) -> FrameHeader {
    places[id.index].payload = payload
    return FrameHeader(
      kind,
      length: UInt32(payload.count),
      value: XXH64.hash(payload.span),
      detail: detail
    )
  }

  /// A header with the right check whose fields an honest peer would never choose.
  private func hostileHeader(_ id: ConnectionID, _ honest: FrameHeader) -> FrameHeader {
    var header = honest
    let kind = tape.choice(FrameKind.allCases.count * 2)
    if kind < FrameKind.allCases.count {
      header = FrameHeader(FrameKind.allCases[kind])
      if header.kind == .status {
        return status(id, linkCount: tape.choice(33), detail: UInt32(tape.byte()))
      }
      if header.kind == .source {
        return message(
          .source,
          tape.isOdd(share: 128) ? Self.source.encoded : tape.bytes(40),
          detail: 0,
          on: id
        )
      }
      if header.kind == .verdict || header.kind == .abort {
        header = message(header.kind, tape.bytes(tape.choice(9)), detail: 0, on: id)
      }
    }
    let carried = UInt64(session.connections[id.index].carried.count)
    let known = session.connections[id.index].acknowledgedFrameCount
    let window = session.receiving?.windowLimit ?? session.sending?.windowLimit ?? 0
    let written = session.receiving?.writtenOffset ?? session.sending?.nextOffset ?? 0
    let next = session.receiving?.nextNumber ?? session.sending?.nextNumber ?? 0
    header.offset = tape.value(header.offset, [written, peerFrames.last?.offset ?? 0])
    header.number = tape.value(header.number, [window, window &- 1, next])
    if header.kind != .status && header.kind != .verdict && header.kind != .abort {
      header.value = tape.value(header.value, [known, known &+ carried, known &+ carried &+ 1])
    }
    header.detail = UInt32(truncatingIfNeeded: tape.value(UInt64(header.detail), [8, 3]))
    if header.kind == .data || header.kind == .sounding {
      let honest = header.length == 0 ? 100 : header.length
      header.length = UInt32(truncatingIfNeeded: tape.value(UInt64(honest), [4096, 4097, 1 << 20]))
    }
    return header
  }

  /// What the session has sent reaches the peer whole once the send is.
  func didSend(_ id: ConnectionID, _ region: Region, _ result: Event.Result) {
    guard case .slot(let slot, let bytes) = region, case .done(bytes.count) = result,
      let header = slots[slot.index].sealed, header.kind == .data || header.kind == .hole
    else { return }
    places[id.index].processed += 1
    peerReceived[header.number] = header
  }
}
