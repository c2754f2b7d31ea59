internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

// Action to operation: a switch, no policy.
extension Engine {
  func perform(_ action: Action, at now: Instant) {
    switch action {
    case .submit(let token, let operation):
      submit(operation, token, at: now)
    case .cancel(let token):
      cancel(token)
    case .configure(let geometry):
      self.geometry = geometry
      common.ring.divide(slots(geometry), pieceByteCount: geometry.stride)
    case .checksum(let slot, let byteCount, let findsZeros):
      let value = common.ring.arena.xxh3(range(slot, 0..<byteCount))
      let isZero = findsZeros && common.ring.arena.isZero(range(slot, 0..<byteCount))
      session.handle(.didChecksum(slot, value, isZero: isZero), control: Span(), at: now)
    case .locate(let offset):
      session.handle(locate(offset), control: Span(), at: now)
    case .checkInput:
      session.handle(.didCheckInput(isUnchanged: endpoint.isUnchanged), control: Span(), at: now)
    case .sum(let slot, let bytes, let offset):
      let sum = common.ring.arena.placeSum(range(slot, bytes), at: offset)
      session.handle(.didSum(slot, at: offset, sum), control: Span(), at: now)
    case .readBack: readBack()
    case .seal(let slot, let header, let seed):
      common.ring.arena.withMutableBytes(range(slot, -FrameHeader.byteCount..<0)) {
        header.encode(into: &$0, seed: seed)
      }
    case .greet(let id, let greeting):
      common.ring.arena.withMutableBytes(outgoing(id, 0..<Greeting.byteCount)) {
        greeting.encode(into: &$0)
      }
    case .compose(let id, let header, let payload, let seed):
      compose(id, header, payload, seed)
    case .stop(let id):
      stop(id)
    case .close(let id, let isReset):
      close(id, isReset: isReset)
    case .closeOutput:
      _ = Glibc.close(endpoint.descriptor)
    case .endCommand(let isForced):
      command?.signal(isForced: isForced)
    case .handOver(let id, let hello):
      common.handedOver.append((sockets[id.index], hello))
      sockets[id.index] = ConnectionSocket()
    case .measure(let id):
      session.handle(.measured(id, measure(id)), control: Span(), at: now)
    case .lookAtLinks:
      var view = links.view()
      view.processorMicroseconds = UInt64(clamping: Clock.microseconds(sessionProcessorTime))
      session.handle(.didLookAtLinks(view), control: Span(), at: now)
    case .report(let notice):
      report(notice, at: now)
    case .finish:
      break
    }
  }

  // MARK: Operations

  private func submit(_ operation: Transfer.Operation, _ token: OperationToken, at now: Instant) {
    let userData = token.rawValue
    switch operation {
    case .connect(let id, let target, let link):
      connect(id, to: target, over: link, token, at: now)
    case .accept:
      guard let listener = common.network.listener else { return }
      enqueue(.accept(.descriptor(listener)), userData: userData)
    case .send(let id, let region, let zeroCopy):
      guard let file = file(id) else { return fail(token, .badDescriptor, at: now) }
      let range = outgoing(id, region)
      // Memory that is not registered would be pinned, and charged to the locked-memory limit, for
      // each send anew; the few that the limit lets through are not worth the failure of the next.
      let goesWithoutCopy = zeroCopy && common.ring.register(range)
      enqueue(
        goesWithoutCopy ? .sendZeroCopy(file, from: range) : .send(file, from: range),
        userData: userData
      )
    case .receive(let id, .discard(let byteCount)):
      guard let file = file(id) else { return fail(token, .badDescriptor, at: now) }
      enqueue(.discard(file, byteCount: byteCount), userData: userData)
    case .receive(let id, let region):
      guard let file = file(id) else { return fail(token, .badDescriptor, at: now) }
      enqueue(.receive(file, into: incoming(id, region), exactly: true), userData: userData)
    case .read(let slot, let bytes, let offset?): readAt(slot, bytes, offset, userData)
    case .write(let slot, let bytes, let offset?): writeAt(slot, bytes, offset, userData)
    case .writeZeros(let byteCount): writeZeros(byteCount, userData)
    case .clear(let offset, let byteCount, let isAllocated):
      let done = clear(offset, byteCount, isAllocated: isAllocated, userData)
      if let done { complete(token, .done(done), at: now) }
    case .writeJournal(let journal): write(journal, userData)
    case .flush(let offset): flush(below: offset, userData)
    case .read(_, let bytes, nil) where isMeasuring:
      complete(token, .done(readMemory(bytes.count)), at: now)
    case .write(_, let bytes, nil) where isMeasuring: complete(token, .done(bytes.count), at: now)
    case .read(let slot, let bytes, nil):
      let file = RingFile.descriptor(endpoint.descriptor)
      enqueueStream(.read(file, into: range(slot, bytes), at: nil), userData)
    case .write(let slot, let bytes, nil):
      let file = RingFile.descriptor(endpoint.descriptor)
      enqueueStream(.write(file, from: range(slot, bytes), at: nil), userData)
    case .watchOutput:
      guard endpoint.kind == .stream else { return }
      enqueue(
        .poll(.descriptor(endpoint.descriptor), readable: false, writable: false),
        userData: userData
      )
    case .awaitCommand:
      guard let command else { return }
      commandToken = token
      enqueue(
        .poll(.descriptor(command.descriptor), readable: true, writable: false),
        userData: userData
      )
    case .synchronize:
      guard endpoint.kind == .storage else { return complete(token, .done(0), at: now) }
      if let error = storage?.settleLength() { return fail(token, error, at: now) }
      synchronize(userData)
    case .publish:
      if let error = publish() { return fail(token, error, at: now) }
      complete(token, .done(0), at: now)
    }
  }

  func enqueueStream(_ operation: Uring.Operation, _ userData: UInt64) {
    streamOperations[userData] = operation
    enqueue(operation, userData: userData)
  }

  private func connect(
    _ id: ConnectionID,
    to target: Int,
    over link: Int?,
    _ token: OperationToken,
    at now: Instant
  ) {
    do {
      let way = common.network.targets[target]
      let descriptor = try common.network.makeSocket(for: way)
      sockets[id.index] = ConnectionSocket(descriptor: descriptor, peer: way.address)
      if let link { bind(id, descriptor, target: target, link: link) }
      if let source = way.source, sockets[id.index].boundPort == nil {
        try Socket.bind(descriptor, to: source)
      }
      enqueue(.connect(.descriptor(descriptor), to: way.address), userData: token.rawValue)
    } catch {
      fail(token, error, at: now)
    }
  }

  /// Gives the socket a port that leads to the link; without one the kernel chooses.
  private func bind(_ id: ConnectionID, _ descriptor: Int32, target: Int, link: Int) {
    for source in links.sources(target: target, link: link) {
      guard (try? Socket.bind(descriptor, to: source)) != nil else { continue }
      sockets[id.index].boundPort = source.port
      return links.take(port: source.port)
    }
  }

  private func cancel(_ token: OperationToken) {
    enqueue(.cancel(userData: marked(token.rawValue)), userData: UserData.ignored)
    // In its place there may be the wait for a descriptor that would not block.
    guard streamOperations[token.rawValue] != nil else { return }
    enqueue(
      .cancel(userData: token.rawValue | UserData.readinessFlag),
      userData: UserData.ignored
    )
  }

  private func fail(_ token: OperationToken, _ error: Errno, at now: Instant) {
    complete(token, .failed(Failure(error)), at: now)
  }

  /// Answers an operation that never went to the kernel.
  private func complete(_ token: OperationToken, _ result: Event.Result, at now: Instant) {
    session.handle(
      .completed(token, result, releaseFollows: false),
      control: Span(),
      at: now
    )
  }

  private func compose(
    _ id: ConnectionID,
    _ header: FrameHeader,
    _ payload: [UInt8],
    _ seed: UInt64
  ) {
    let byteCount = FrameHeader.byteCount + payload.count
    common.ring.arena.withMutableBytes(outgoing(id, 0..<byteCount)) { bytes in
      header.encode(into: &bytes, seed: seed)
      for index in payload.indices { bytes[FrameHeader.byteCount + index] = payload[index] }
    }
  }

  // MARK: Connections

  private func file(_ id: ConnectionID) -> RingFile? {
    sockets[id.index].descriptor.map(RingFile.descriptor)
  }

  private func stop(_ id: ConnectionID) {
    guard let descriptor = sockets[id.index].descriptor else { return }
    try? Socket.shutdown(descriptor, .both)
    enqueue(.cancelAll(.descriptor(descriptor)), userData: UserData.ignored)
  }

  private func close(_ id: ConnectionID, isReset: Bool) {
    guard let descriptor = sockets[id.index].descriptor else { return }
    if let port = sockets[id.index].boundPort { links.release(port: port) }
    sockets[id.index] = ConnectionSocket()
    if isReset { try? Socket.set(.resetOnClose(true), on: descriptor) }
    _ = Glibc.close(descriptor)
  }

  private func measure(_ id: ConnectionID) -> Measurement? {
    guard let descriptor = sockets[id.index].descriptor,
      let information = try? Socket.information(descriptor)
    else { return nil }
    return Measurement(
      acknowledgedByteCount: information.acknowledgedByteCount,
      receivedByteCount: information.receivedByteCount,
      isAwaitingAnswer: information.unacknowledgedSegments > 0 || information.unansweredProbes > 1,
      sinceLastAnswer: .milliseconds(information.lastAcknowledgedMilliseconds),
      roundTrip: .microseconds(information.roundTripMicroseconds),
      onlyLink: sockets[id.index].peer.flatMap {
        links.onlyLink(to: $0, from: sockets[id.index].local)
      }
    )
  }

  private func report(_ notice: Notice, at now: Instant) {
    if case .started = notice {
      joinedAt = now.nanoseconds
      startMeter(at: now.nanoseconds)
    }
    if case .joined(let id, _) = notice, common.network.listener != nil { learnPeer(id) }
    common.observer.noticed(notice, peer: notice.connection.flatMap { peerText($0) })
  }

  /// A listener learns from the members of the session which links lead back to the peer.
  private func learnPeer(_ id: ConnectionID) {
    guard let descriptor = sockets[id.index].descriptor, let peer = sockets[id.index].peer else {
      return
    }
    sockets[id.index].local = try? Socket.localAddress(descriptor)
    if links.learn(peer, from: sockets[id.index].local) { advise() }
  }

  private func peerText(_ id: ConnectionID) -> String? {
    sockets[id.index].peer?.description
  }

  // MARK: Memory

  /// All slots, at the start of the arena; a pair shares them.
  private func slots(_ geometry: Geometry) -> ArenaRange {
    let start = isPartner ? session.options.ownMemoryByteCount & ~4095 : 0
    return ArenaRange(offset: start, count: geometry.slotCount * geometry.stride)
  }

  func range(_ slot: SlotID, _ bytes: Range<Int>) -> ArenaRange {
    guard let geometry else { preconditionFailure("a slot before the arena was cut") }
    let payload = slots(geometry).offset + slot.index * geometry.stride + Geometry.headroom
    return ArenaRange(offset: payload + bytes.lowerBound, count: bytes.count)
  }

  private func outgoing(_ id: ConnectionID, _ bytes: Range<Int>) -> ArenaRange {
    control(id, bytes, direction: 0)
  }

  private func outgoing(_ id: ConnectionID, _ region: Region) -> ArenaRange {
    switch region {
    case .control(let bytes): outgoing(id, bytes)
    case .slot(let slot, let bytes): range(slot, bytes)
    case .discard: preconditionFailure("nothing is sent from nowhere")
    }
  }

  /// The connection's incoming control buffer.
  func incoming(_ id: ConnectionID) -> ArenaRange {
    control(id, 0..<Session.controlBufferByteCount, direction: 1)
  }

  private func incoming(_ id: ConnectionID, _ region: Region) -> ArenaRange {
    switch region {
    case .control(let bytes): control(id, bytes, direction: 1)
    case .slot(let slot, let bytes): range(slot, bytes)
    case .discard: preconditionFailure("discarding has an operation of its own")
    }
  }

  /// Control buffers stand behind the slots, two for each connection.
  private func control(_ id: ConnectionID, _ bytes: Range<Int>, direction: Int) -> ArenaRange {
    let place = id.index * 2 + direction
    let start = Run.controlsOffset(session.options, ofPartner: isPartner)
    let base = start + place * Session.controlBufferByteCount
    return ArenaRange(offset: base + bytes.lowerBound, count: bytes.count)
  }
}
