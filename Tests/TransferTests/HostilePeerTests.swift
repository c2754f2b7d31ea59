// Goal: what the fuzzer found (`make fuzz`) stays found. Method: a session is driven by hand to the
// place where it went wrong. A failure here means: a hostile peer can lose or double a slot again.
import Testing
import Wire

@testable import Transfer

@Suite struct HostilePeerTests {
  @Test func `a frame beyond the announced end is a mismatch, not a wait without end`() {
    let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 8 * 8192)
    var stream = ReceiveStream(geometry: geometry)
    let first = FrameHeader(.data, length: 10, offset: 0, number: 0, value: 1)
    let second = FrameHeader(.data, length: 10, offset: 10, number: 1, value: 2)
    for header in [first, second] {
      guard case .into(let slot) = stream.admit(header) else {
        Issue.record("frame \(header.number) was not admitted")
        return
      }
      let isNew = stream.didReceive(header, in: slot)
      #expect(isNew)
    }
    let lie = FrameHeader(.end, offset: 10, number: 1, value: 3)
    let objection = stream.didReceiveEnd(lie)
    #expect(objection == nil)
    _ = stream.rangeToWrite()
    _ = stream.didWrite(byteCount: 10)
    let next = stream.rangeToWrite()
    #expect(throws: ReceiveStream.MismatchError.self) { try next.get() }
  }

  @Test func `an end that lies while the last frame is being written is a mismatch as well`() {
    let owner = Owner(role: .receiver)
    let id = owner.join()
    for number in 0..<2 as Range<UInt64> {
      let frame = FrameHeader(.data, length: 6, offset: number * 6, number: number, value: 7)
      owner.receive(frame, on: id)
      owner.receive(payloadByteCount: 6, on: id)
    }
    owner.completeWrites(byteCount: 6)
    owner.completeWrites(byteCount: 2)
    owner.receive(FrameHeader(.end, offset: 6, number: 1, value: 3), on: id)
    #expect(owner.session.phase == .running)
    owner.completeWrites(byteCount: 4)
    guard case .parting(.mismatch, _) = owner.session.phase else {
      Issue.record("it waits: \(owner.session.phase)")
      return
    }
    #expect(owner.session.statistics.writtenOffset == 12, "also what should not have come")
    #expect(owner.session.brokenInvariant == nil)
  }

  @Test func `a listener that was started anew refuses the middle of a stream`() {
    let owner = Owner(role: .receiver)
    _ = owner.greet { $0.isContinuing = true }
    #expect(owner.session.statistics.turnedAwayCount == 1)
    #expect(owner.session.sessionID == nil)
  }

  @Test func `a connection stopped before its checksum comes gives its slot back once`() throws {
    let owner = Owner(role: .receiver)
    let id = owner.join()
    let frame = FrameHeader(.data, length: 10, offset: 0, number: 0, value: 1)
    owner.receive(frame, on: id)
    owner.turn()
    // The payload is whole and, before the checksum is asked for, the connection has to stop.
    let receiving = owner.receiving(id)
    let token = try #require(receiving)
    owner.session.handle(.completed(token, .done(10), releaseFollows: false), at: owner.now)
    owner.session.stop(id, isReset: true, at: owner.now)
    owner.turn(checksum: 1)
    owner.completeAll(of: id)
    owner.turn()
    #expect(owner.session.brokenInvariant == nil)
  }

  @Test func `a goodbye on a connection that carries frames sends them elsewhere`() {
    let owner = Owner(role: .sender)
    let id = owner.join()
    // What it reads comes before all else.
    owner.beginStream(on: id, byteCount: 4096)
    owner.turn()
    #expect(owner.session.connections[id.index].carried.count == 1)
    owner.receive(FrameHeader(.goodbye), on: id)
    owner.turn()
    #expect(owner.session.brokenInvariant == nil)
    #expect(owner.session.sending?.again.count == 1)
  }

  @Test func `short sends again and again await two notifications at most for a slot`() {
    let owner = Owner(role: .sender, frameByteCount: 65_536)
    let id = owner.join()
    owner.beginStream(on: id, byteCount: 65_536)
    owner.turn()
    var copies: [Bool] = []
    for _ in 0..<4 {
      guard let (token, zeroCopy) = owner.sending(id) else { break }
      copies.append(!zeroCopy)
      owner.session.handle(.completed(token, .done(1000), releaseFollows: zeroCopy), at: owner.now)
      owner.turn()
    }
    #expect(copies == [false, false, true, true])
  }

  @Test(arguments: [
    FrameHeader(.data, length: 10, value: 1),
    FrameHeader(.hole, value: 10),
    FrameHeader(.end),
  ])
  func `nothing of the stream is taken before its source was described`(first: FrameHeader) {
    let source = SourceDescription(kind: .file, byteCount: 100, allocatedByteCount: 100)
    let owner = Owner(role: .receiver) {
      $0.isPositional = true
      $0.journal = Journal(source: source, target: (1, 2), durableOffset: 50, sum: nil, sequence: 1)
    }
    let id = owner.join()
    owner.receive(first, on: id)
    owner.turn()
    owner.receive(payloadByteCount: 10, on: id)
    #expect(owner.session.violationCount == 1)
    owner.completeAll(of: id)
    // The next one behaves, and the session goes on where the earlier run was cut off.
    let next = owner.join()
    owner.receive(.source, payload: source.encoded, on: next)
    #expect(owner.session.statistics.resumedOffset == 50)
    #expect(owner.session.receiving?.writtenOffset == 50)
    #expect(owner.session.brokenInvariant == nil)
  }

  @Test func `a crowd of strangers does not push out who names the session`() {
    let owner = Owner(role: .receiver)
    _ = owner.join()
    let call = owner.greet { _ in }
    for _ in 0..<100 { owner.complete({ if case .accept = $0 { true } else { false } }, 0) }
    #expect(owner.session.statistics.turnedAwayCount > 50)
    #expect(owner.session.connections[call.index].state == .awaitingConfirm)
  }

  @Test func `a rejection that names no frame is not waited upon`() {
    let owner = Owner(role: .sender)
    let id = owner.join()
    owner.receive(FrameHeader(.reject), on: id)
    #expect(owner.session.violationCount == 1)
    #expect(owner.session.memberCount == 0)
  }

  @Test func `a sender says nothing of what the receiver has written or read back`() {
    let owner = Owner(role: .receiver)
    let id = owner.join()
    owner.receive(FrameHeader(.heartbeat, value: .max), on: id)
    owner.receive(.abort, offset: .max, on: id)
    #expect(owner.session.statistics.readBackByteCount == nil)
    #expect(owner.session.statistics.writtenOffset == 0)
  }

  @Test func `a verdict before the end was said is a violation, also when all was read`() {
    let owner = Owner(role: .sender)
    let id = owner.join()
    owner.beginStream(on: id, byteCount: 4096)
    // The last frame is still on its way out when the input ends.
    owner.completeReads(byteCount: 0)
    #expect(owner.session.sending?.input == .ended)
    owner.receive(.verdict, offset: 4096, on: id)
    #expect(owner.session.violationCount == 1)
    #expect(owner.session.phase == .running)
  }

  @Test func `a verdict counts where the end was said on a connection that has died`() {
    let owner = Owner(role: .sender)
    let ids = [owner.join(), owner.join()]
    owner.completeAll(of: ids[1], sendsOnly: true)
    owner.beginStream(on: ids[0], byteCount: 4096)
    owner.completeReads(byteCount: 0)
    // One is busy with the last frame, the other has said the end.
    let endings = ids.filter { owner.session.connections[$0.index].endSent }
    #expect(endings.count == 1)
    for id in endings { owner.completeAll(of: id) }
    let left = ids.filter { owner.session.connections[$0.index].carried.count == 1 }
    #expect(left.count == 1 && owner.session.memberCount == 1)
    for id in left { owner.receive(.verdict, offset: 4096, on: id) }
    guard case .parting(.complete, _) = owner.session.phase else {
      Issue.record("the verdict is not taken: \(owner.session.phase)")
      return
    }
  }

  @Test func `a violation by the only peer is named, and soon the end`() {
    let owner = Owner(role: .receiver)
    for _ in 0..<2 {
      owner.receive(FrameHeader(.ack), on: owner.join())
      #expect(owner.losses.last == .violation("an ack frame was not expected here"))
      owner.wait(.seconds(1))
    }
    // As long as a dialler may need to come back.
    owner.wait(.seconds(1.9))
    #expect(owner.session.phase == .running)
    owner.wait(.seconds(0.2))
    guard
      case .parting(.protocolViolation("an ack frame was not expected here"), _) =
        owner.session.phase, owner.session.violationCount == 2
    else {
      Issue.record("nobody is blamed: \(owner.session.phase)")
      return
    }
  }

  @Test func `after a violation a peer that behaves is as good as any`() {
    let owner = Owner(role: .receiver)
    owner.receive(FrameHeader(.ack), on: owner.join())
    let id = owner.join()
    owner.receive(FrameHeader(.data, length: 6, value: 7), on: id)
    owner.receive(payloadByteCount: 6, on: id)
    owner.completeAll(of: id)
    owner.wait(.seconds(30))
    guard case .parting(.peerGone, _) = owner.session.phase else {
      Issue.record("it was closed by somebody who kept to the protocol: \(owner.session.phase)")
      return
    }
  }

  @Test func `a stream begins with its first byte, whatever was read ahead`() {
    let owner = Owner(role: .sender)
    let id = owner.join()
    owner.completeAll(of: id, sendsOnly: true)
    owner.completeReads(byteCount: 4096)
    owner.turn()
    #expect(owner.session.sending?.nextOffset == 4096)
    owner.receive(FrameHeader(.ack, offset: 4096, number: 4), on: id)
    #expect(owner.session.violationCount == 1)
    #expect(owner.session.statistics.writtenOffset == 0)
  }

  @Test(arguments: [
    FrameHeader(.hole, offset: 0, number: 0, value: 1 << 40),
    FrameHeader(.hole, offset: 6, number: 0, value: 1),
    FrameHeader(.hole, offset: .max, number: 0, value: 2),
    FrameHeader(.data, length: 7, value: 1),
    FrameHeader(.end, offset: 5, number: 1),
    FrameHeader(.end, offset: 7, number: 1),
  ])
  func `nothing lies beyond the source, once it was described`(lie: FrameHeader) {
    let owner = Owner(role: .receiver) { $0.isPositional = true }
    let id = owner.join()
    let source = SourceDescription(kind: .file, byteCount: 6, allocatedByteCount: 6)
    owner.receive(.source, payload: source.encoded, on: id)
    owner.receive(lie, on: id)
    owner.turn()
    #expect(owner.session.violationCount == 1)
    #expect(owner.session.receiving?.receivedByteCount == 0)
    let isClearing = owner.pending.contains {
      if case .clear = $0.operation { true } else { false }
    }
    #expect(!isClearing)
  }

  @Test(arguments: [FrameKind.source, .status])
  func `a message that makes no sense is no damage where its sum fits`(kind: FrameKind) {
    let owner = Owner(role: .receiver)
    owner.receive(kind, payload: [1, 2, 3], on: owner.join())
    #expect(owner.session.violationCount == 1, "\(owner.losses)")
  }

  @Test func `a wrong sum of a message is no damage of its header`() {
    let owner = Owner(role: .receiver)
    owner.receive(.abort, payload: Array("no".utf8), sum: 1, on: owner.join())
    #expect(owner.losses == [.damaged(.damagedPayload(.abort))])
    #expect(owner.session.phase == .running)
  }

  @Test func `what was written of a frame counts when the rest fails`() {
    let owner = Owner(role: .receiver)
    let id = owner.join()
    owner.completeAll(of: id, sendsOnly: true)
    owner.receive(FrameHeader(.data, length: 6, value: 7), on: id)
    owner.receive(payloadByteCount: 6, on: id)
    owner.completeWrites(byteCount: 2)
    owner.failWrite()
    #expect(owner.session.statistics.writtenOffset == 2)
    let aborts = owner.composed.filter { $0.kind == .abort }
    #expect(aborts.map(\.offset) == [2])
  }

  @Test func `a receiver has neither written nor read back more than was sent`() {
    let owner = Owner(role: .sender)
    let id = owner.join()
    owner.beginStream(on: id, byteCount: 4096)
    owner.turn()
    owner.receive(FrameHeader(.heartbeat, value: .max), on: id)
    #expect(owner.session.statistics.readBackByteCount == 4096)
    owner.receive(.abort, offset: .max, on: id)
    #expect(owner.session.statistics.writtenOffset == 4096)
  }
}

/// What surrounds a listening session: it keeps what is in flight, and completes what it is told to.
private final class Owner {
  var session: Session
  var pending: [(token: OperationToken, operation: Transfer.Operation)] = []
  var losses: [Notice.Loss] = []
  var composed: [FrameHeader] = []
  private(set) var now = Instant(nanoseconds: 1_000_000_000)

  init(role: Role, frameByteCount: Int = 4096, _ change: (inout Options) -> Void = { _ in }) {
    var options = Options(
      role: role,
      opening: .listen,
      frameByteCount: frameByteCount,
      memoryByteCount: 8 * (frameByteCount + Geometry.headroom),
      random: Fours()
    )
    options.zeroCopy = .on
    change(&options)
    session = Session(options, at: now)
    turn()
  }

  /// Lets a sender go: its links were told of, four frames have room, and its first read is over.
  func beginStream(on id: ConnectionID, byteCount: Int) {
    completeAll(of: id, sendsOnly: true)
    receive(FrameHeader(.status), on: id)
    receive(FrameHeader(.ack, number: 4), on: id)
    turn()
    completeReads(byteCount: byteCount)
  }

  func turn(checksum: UInt64 = 7) {
    session.advance(to: now)
    while let action = session.nextAction() {
      switch action {
      case .submit(let token, let operation): pending.append((token, operation))
      case .checksum(let slot, _, _):
        session.handle(.didChecksum(slot, checksum, isZero: false), at: now)
      case .measure(let id): session.handle(.measured(id, nil), at: now)
      case .lookAtLinks: session.handle(.didLookAtLinks(LinkView(links: [])), at: now)
      case .report(.lost(_, let reason, _)): losses.append(reason)
      case .compose(_, let header, _, _): composed.append(header)
      default: break
      }
    }
  }

  /// Lets time pass in which nothing happens.
  func wait(_ duration: Duration) {
    let end = now + duration
    while now < end {
      now = now + .milliseconds(50)
      turn()
    }
  }

  func complete(
    _ isWanted: (Transfer.Operation) -> Bool,
    _ byteCount: Int,
    control: [UInt8] = []
  ) {
    guard let index = pending.firstIndex(where: { isWanted($0.operation) }) else { return }
    let token = pending.remove(at: index).token
    session.handle(
      .completed(token, .done(byteCount), releaseFollows: false),
      control: control.span,
      at: now
    )
    turn()
  }

  /// The operation that receives on a connection, taken out of those in flight.
  func receiving(_ id: ConnectionID) -> OperationToken? {
    let index = pending.firstIndex {
      if case .receive(id, _) = $0.operation { true } else { false }
    }
    return index.map { pending.remove(at: $0).token }
  }

  /// The send of a connection, taken out of those in flight, and whether it is without a copy.
  func sending(_ id: ConnectionID) -> (token: OperationToken, zeroCopy: Bool)? {
    for (index, entry) in pending.enumerated() {
      guard case .send(id, _, let zeroCopy) = entry.operation else { continue }
      return (pending.remove(at: index).token, zeroCopy)
    }
    return nil
  }

  /// Brings one connection through the handshake.
  func join() -> ConnectionID {
    greet(with: [.hello, .confirm])
  }

  /// Says hello, changed by the test, on one connection.
  func greet(_ change: (inout Greeting) -> Void) -> ConnectionID {
    greet(with: [.hello], change)
  }

  private func greet(
    with kinds: [Greeting.Kind],
    _ change: (inout Greeting) -> Void = { _ in }
  ) -> ConnectionID {
    let accepting = pending.compactMap { entry -> ConnectionID? in
      if case .accept(let id) = entry.operation { id } else { nil }
    }
    let id = accepting.first ?? ConnectionID(0)
    complete({ if case .accept = $0 { true } else { false } }, 0)
    var greeting = Greeting(
      .hello,
      role: session.options.role.opposite,
      session: SessionID(low: 1, high: 2),
      frameByteCount: UInt32(session.options.frameByteCount)
    )
    change(&greeting)
    for kind in kinds {
      greeting.kind = kind
      var bytes = [UInt8](repeating: 0, count: Greeting.byteCount)
      var span = bytes.mutableSpan
      greeting.encode(into: &span)
      deliver(bytes, on: id)
      completeAll(of: id, sendsOnly: true)
    }
    return id
  }

  func receive(_ header: FrameHeader, on id: ConnectionID) {
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    var span = bytes.mutableSpan
    header.encode(into: &span, seed: session.seed)
    deliver(bytes, on: id)
  }

  /// A message with a payload, or with none.
  func receive(
    _ kind: FrameKind,
    offset: UInt64 = 0,
    payload: [UInt8] = [],
    sum: UInt64? = nil,
    on id: ConnectionID
  ) {
    let length = UInt32(payload.count)
    let value = sum ?? XXH64.hash(payload.span)
    receive(FrameHeader(kind, length: length, offset: offset, value: value), on: id)
    guard !payload.isEmpty else { return }
    let header = [UInt8](repeating: 0, count: Session.payloadOffset)
    complete(
      { if case .receive(id, _) = $0 { true } else { false } },
      payload.count,
      control: header + payload
    )
  }

  /// Bytes of a payload arrive, if the session takes them.
  func receive(payloadByteCount: Int, on id: ConnectionID) {
    complete({ if case .receive(id, .slot) = $0 { true } else { false } }, payloadByteCount)
  }

  private func deliver(_ bytes: [UInt8], on id: ConnectionID) {
    complete({ if case .receive(id, _) = $0 { true } else { false } }, bytes.count, control: bytes)
  }

  func completeReads(byteCount: Int) {
    complete({ if case .read = $0 { true } else { false } }, byteCount)
  }

  func completeWrites(byteCount: Int) {
    complete({ if case .write = $0 { true } else { false } }, byteCount)
  }

  /// The write in flight fails.
  func failWrite() {
    let index = pending.firstIndex { if case .write = $0.operation { true } else { false } }
    guard let index else { return }
    let token = pending.remove(at: index).token
    let result = Event.Result.failed(Failure(.other))
    session.handle(.completed(token, result, releaseFollows: false), at: now)
    turn()
  }

  /// Ends what is in flight on a connection: sends whole, receives with the connection's end.
  func completeAll(of id: ConnectionID, sendsOnly: Bool = false) {
    for (token, operation) in pending {
      switch operation {
      case .send(id, let region, _):
        session.handle(
          .completed(token, .done(region.byteCount), releaseFollows: false),
          at: now
        )
      case .receive(id, _) where !sendsOnly:
        session.handle(.completed(token, .done(0), releaseFollows: false), at: now)
      default: continue
      }
      pending.removeAll { $0.token == token }
    }
    turn()
  }
}

extension Session {
  fileprivate mutating func handle(_ event: Event, at now: Instant) {
    handle(event, control: Span(), at: now)
  }
}
