// Goal: a connection that joins and then dies is no reason to dial without a pause, or for ever.
// Method: a dialling session, and a proxy in front of its peer that lets the handshake pass and then
// resets. A failure here means: both sides keep a core busy, and `--give-up` has no effect.
import Testing
import Wire

@testable import Transfer

@Suite struct RedialTests {
  @Test(arguments: [Role.sender, .receiver])
  func `connections that join and die at once are dialled with a pause, and given up`(role: Role) {
    let proxy = Proxy(role: role)
    proxy.run(for: .seconds(59), resetAfter: .milliseconds(1))
    #expect(proxy.session.phase == .running)
    // One a second and up to a quarter less, and a few more at the start.
    #expect((40...80).contains(proxy.session.statistics.joinedCount))
    proxy.run(for: .seconds(3), resetAfter: .milliseconds(1))
    #expect(proxy.outcome == .joinedInVain)
  }

  @Test(arguments: [Role.sender, .receiver])
  func `connections that join and are said goodbye to at once are so, too`(role: Role) {
    let proxy = Proxy(role: role)
    proxy.farewell = FrameHeader(.goodbye)
    proxy.run(for: .seconds(59), resetAfter: .milliseconds(1))
    #expect(proxy.session.phase == .running)
    #expect((40...80).contains(proxy.session.statistics.joinedCount))
    proxy.run(for: .seconds(3), resetAfter: .milliseconds(1))
    #expect(proxy.outcome == .joinedInVain)
  }

  @Test func `who breaks the protocol on every connection is blamed, and soon given up`() {
    let proxy = Proxy(role: .sender)
    proxy.farewell = FrameHeader(.end)
    proxy.run(for: .seconds(5), resetAfter: .milliseconds(1))
    #expect(proxy.outcome == .protocolViolation("an end frame was not expected here"))
    #expect((4...10).contains(proxy.session.statistics.joinedCount))
  }

  @Test func `a header that is forbidden is no damage where its check fits`() {
    let proxy = Proxy(role: .receiver)
    proxy.farewell = FrameHeader(.data, length: .max)
    proxy.run(for: .seconds(5), resetAfter: .milliseconds(1))
    #expect(proxy.outcome == .protocolViolation("a data frame of 4294967295 bytes"))
  }

  @Test func `a welcome that is none of ours settles it, as a refusal does`() {
    let changes: [((inout Greeting) -> Void, Outcome)] = [
      ({ $0.session.high += 1 }, .notBraid(.strayGreeting)),
      ({ $0.kind = .confirm }, .notBraid(.strayGreeting)),
      ({ $0.role = .sender }, .refused(.sameRole)),
    ]
    for (change, outcome) in changes {
      let proxy = Proxy(role: .sender)
      proxy.change = change
      proxy.run(for: .seconds(1), resetAfter: .seconds(1))
      #expect(proxy.outcome == outcome)
    }
  }

  @Test func `connections that last are dialled anew at once, also if there was nothing to send`() {
    let proxy = Proxy(role: .receiver)
    proxy.run(for: .seconds(600), resetAfter: .seconds(5))
    #expect(proxy.session.phase == .running)
    #expect(proxy.session.statistics.joinedCount > 110)
  }

  @Test func `connections that carry a frame before they die are never given up`() {
    let proxy = Proxy(role: .receiver)
    proxy.run(for: .seconds(600), resetAfter: .milliseconds(500), carryingFrames: true)
    #expect(proxy.session.phase == .running)
    #expect(proxy.session.statistics.joinedCount > 900)
    #expect(proxy.session.statistics.memberPeak == 1)
  }
}

/// A session that dials one connection, and who answers it.
private final class Proxy {
  var session: Session
  private(set) var outcome: Outcome?
  /// What is said at the end in place of a reset.
  var farewell: FrameHeader?
  /// What is done to every welcome.
  var change: (inout Greeting) -> Void = { _ in }
  private var pending: [(token: OperationToken, operation: Transfer.Operation)] = []
  private var hello: Greeting?
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var frameNumber: UInt64 = 0

  init(role: Role) {
    let options = Options(
      role: role,
      opening: .dial(targetCount: 1, connectionCount: 1),
      frameByteCount: 4096,
      memoryByteCount: 8 * (4096 + Geometry.headroom),
      random: Fours()
    )
    session = Session(options, at: now)
    turn()
  }

  /// Accepts every dial, and resets what has been a member for so long.
  func run(
    for duration: Duration,
    resetAfter lifetime: Duration,
    carryingFrames: Bool = false
  ) {
    let end = now + duration
    while now < end, outcome == nil {
      now = now + .milliseconds(1)
      turn()
      completeAll { if case .connect = $0 { 0 } else { nil } }
      completeAll { if case .send(_, let region, _) = $0 { region.byteCount } else { nil } }
      completeAll { if case .write(_, let range, _) = $0 { range.count } else { nil } }
      for (index, connection) in session.connections.enumerated() {
        let id = ConnectionID(index)
        if connection.state == .awaitingWelcome { welcome(id) }
        guard connection.state == .joined else { continue }
        if carryingFrames, connection.processedFrameCount == 0 { carryFrame(id) }
        guard now - connection.joinedAt >= lifetime else { continue }
        if let farewell { say(farewell, on: id) } else { complete(id, .failed(Failure(.reset))) }
      }
    }
  }

  private func turn() {
    session.advance(to: now)
    while let action = session.nextAction() {
      switch action {
      case .submit(let token, let operation): pending.append((token, operation))
      case .greet(_, let greeting) where greeting.kind == .hello: hello = greeting
      case .checksum(let slot, _, _):
        session.handle(.didChecksum(slot, 7, isZero: false), control: Span(), at: now)
      case .measure(let id):
        session.handle(.measured(id, nil), control: Span(), at: now)
      case .lookAtLinks:
        let view = LinkView(links: [], lanes: [Lane(target: 0, link: nil)])
        session.handle(.didLookAtLinks(view), control: Span(), at: now)
      case .finish(let outcome): self.outcome = outcome
      default: break
      }
    }
  }

  private func completeAll(_ result: (Transfer.Operation) -> Int?) {
    for (token, operation) in pending {
      guard let count = result(operation) else { continue }
      pending.removeAll { $0.token == token }
      let event = Event.completed(token, .done(count), releaseFollows: false)
      session.handle(event, control: Span(), at: now)
    }
    turn()
  }

  /// Ends the receive of a connection.
  private func complete(
    _ id: ConnectionID,
    _ result: Event.Result,
    control: [UInt8] = []
  ) {
    let index = pending.firstIndex {
      if case .receive(id, _) = $0.operation { true } else { false }
    }
    guard let index else { return }
    let token = pending.remove(at: index).token
    let event = Event.completed(token, result, releaseFollows: false)
    session.handle(event, control: control.span, at: now)
    turn()
  }

  private func welcome(_ id: ConnectionID) {
    guard var welcome = hello else { return }
    welcome.kind = .welcome
    welcome.role = session.options.role.opposite
    change(&welcome)
    var bytes = [UInt8](repeating: 0, count: Greeting.byteCount)
    var span = bytes.mutableSpan
    welcome.encode(into: &span)
    complete(id, .done(bytes.count), control: bytes)
  }

  private func carryFrame(_ id: ConnectionID) {
    let header = FrameHeader(
      .data,
      length: 10,
      offset: frameNumber * 10,
      number: frameNumber,
      value: 7
    )
    frameNumber += 1
    say(header, on: id)
    complete(id, .done(10))
  }

  private func say(_ header: FrameHeader, on id: ConnectionID) {
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    var span = bytes.mutableSpan
    header.encode(into: &span, seed: session.seed)
    complete(id, .done(bytes.count), control: bytes)
  }
}
