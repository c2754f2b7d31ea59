// Goal:    of two sessions that measure opposite directions, one listens for both, and for nobody else.
// Method:  a listening session is told greetings by hand; what it says and gives away is looked at.
// Failure: strangers join a measurement, or a pair cannot come about in some order of its greetings.
import Testing
import Wire

@testable import Transfer

@Suite struct PairTests {
  private static let id = SessionID(low: 6, high: 2)
  private static let key = Authenticator { Bytes32((XXH64.hash($0.span, seed: 5), 1, 2, 3)) }

  @Test func `the other session's connection is given away after its proof, and adopted`() throws {
    let door = Door(key: Self.key)
    let first = door.hello(Self.id, .sender)
    #expect(door.confirm(first) == nil)
    #expect(door.session.options.role == .receiver)
    let second = door.hello(Self.id.partner, .receiver)
    #expect(door.handedOver.isEmpty, "nothing is proved yet")
    #expect(door.confirm(second) == nil)
    #expect(door.handedOver.map(\.session) == [Self.id.partner])
    #expect(door.session.memberCount == 1)
    let options = try #require(door.partnerOptions)
    #expect(options.role == .sender)
    var partner = Session(options, at: door.now)
    let hello = try #require(door.handedOver.first)
    let adopted = partner.adopt(hello, at: door.now)
    let (members, partnerOfPartner) = (partner.memberCount, partner.partnerOptions)
    #expect(adopted != nil && members == 1)
    #expect(partnerOfPartner?.session == Self.id, "both know each other")
    // Both halves fit into the memory of one.
    let slots = [door.session.geometry, partner.geometry].compactMap { $0?.slotCount }
    #expect(slots == [8, 8])
  }

  @Test func `the order of the greetings does not matter`() {
    for (one, other) in [(Self.id, Self.id.partner), (Self.id.partner, Self.id)] {
      let door = Door()
      let early = door.hello(one, .sender)
      let late = door.hello(other, .receiver)
      // The one that said hello last confirms first.
      #expect(door.confirm(late) == nil)
      #expect(door.session.sessionID == other)
      #expect(door.confirm(early) == nil)
      #expect(door.handedOver.map(\.session) == [one])
    }
  }

  @Test func `whoever does not belong to the pair is refused by name`() {
    let door = Door()
    #expect(door.confirm(door.hello(Self.id, .sender)) == nil)
    _ = door.hello(SessionID(low: 99, high: 2), .receiver)
    #expect(door.refusals == [.busy], "a third session")
    _ = door.hello(Self.id.partner, .sender)
    #expect(door.refusals.last == .sameRole)
    _ = door.hello(Self.id.partner, .receiver) { $0.isPaired = false }
    #expect(door.refusals.last == .malformed)
    _ = door.hello(Self.id.partner, .receiver) { $0.streamByteCount += 1 }
    #expect(door.refusals.last == .malformed, "another time")
    #expect(door.refusals.count == 4)
    #expect(door.handedOver.isEmpty)
  }

  @Test func `a session that is no pair has no partner`() {
    let door = Door()
    let first = door.hello(Self.id, .sender) { $0.isPaired = false }
    #expect(door.confirm(first) == nil)
    #expect(door.session.partnerOptions == nil)
    #expect(door.session.geometry?.slotCount == 16, "all memory is its own")
    _ = door.hello(Self.id.partner, .receiver)
    #expect(door.refusals == [.busy])
  }

  @Test func `another key does not open the door for the second either`() {
    let door = Door(key: Self.key)
    #expect(door.confirm(door.hello(Self.id, .sender)) == nil)
    let stranger = door.hello(Self.id.partner, .receiver)
    #expect(door.confirm(stranger, proof: Bytes32((1, 2, 3, 4))) == .keyWrong)
    #expect(door.handedOver.isEmpty)
  }

  @Test func `too little memory for two is said, and is enough for one`() {
    let door = Door(slotCount: 7)
    _ = door.hello(Self.id, .sender)
    #expect(door.refusals == [.notPaired])
    #expect(door.confirm(door.hello(Self.id, .sender) { $0.isPaired = false }) == nil)
  }

  @Test func `a dialler takes no welcome without the pair, and ends with its partner`() {
    var door = Door(dials: true)
    #expect(door.welcome { $0.isPaired = false } == .refused(.notPaired))
    door = Door(dials: true)
    #expect(door.welcome { _ in } == nil)
    #expect(door.session.partnerOptions == nil, "the first is still choosing its connections")
    door.wait(Limits.gatheringTimeout)
    #expect(door.session.partnerOptions?.session == door.session.sessionID?.partner)
    door.session.handle(.partnerEnded(.peerGone), control: Span(), at: door.now)
    guard case .parting(.peerGone, _) = door.session.phase else {
      Issue.record("it goes on alone: \(door.session.phase)")
      return
    }
  }

  @Test(arguments: [true, false])
  func `the first direction shows one frame, and waits for the second's choice`(isMissed: Bool) {
    let door = Door(dials: true)
    #expect(door.welcome { _ in } == nil)
    door.openWindow()
    door.wait(Limits.gatheringTimeout)
    #expect(door.framesSent(in: 4) == 1)
    #expect(door.session.awaitsPartner == true)
    if isMissed {
      door.wait(Limits.partnerTimeout)
      #expect(door.framesSent(in: 4) > 1, "it waits no longer than that")
    } else {
      door.session.handle(.partnerBegan, control: Span(), at: door.now)
      #expect(door.framesSent(in: 4) > 1)
    }
  }

  // MARK: As a whole

  /// The two sessions of a listener; the second has a connection, or waits for its first.
  private func couple(isComplete: Bool = true) throws -> Couple {
    let door = Door()
    #expect(door.confirm(door.hello(Self.id, .sender)) == nil)
    let options = try #require(door.partnerOptions)
    var partner = Session(options, at: door.now)
    if isComplete {
      #expect(door.confirm(door.hello(Self.id.partner, .receiver)) == nil)
      let hello = try #require(door.handedOver.first)
      let adopted = partner.adopt(hello, at: door.now)
      #expect(adopted != nil)
    }
    return Couple(door, partner)
  }

  @Test(arguments: [true, false])
  func `the first failure ends the other, and is what both come to`(isFirst: Bool) throws {
    let couple = try couple()
    var events = couple.events()
    #expect(events.first == nil && events.partner == nil)
    couple.end(isFirst, .peerGone)
    events = couple.events()
    #expect(events.first == (isFirst ? nil : .partnerEnded(.peerGone)))
    #expect(events.partner == (isFirst ? .partnerEnded(.peerGone) : nil))
    // What the other says of it later is no second reason.
    couple.end(!isFirst, .networkSilent)
    events = couple.events()
    #expect(events.first == nil && events.partner == nil)
    #expect(couple.results == [.peerGone, .peerGone])
  }

  @Test(arguments: [true, false])
  func `a direction that is complete waits for the other`(isFirst: Bool) throws {
    let couple = try couple()
    couple.end(isFirst, .complete)
    let events = couple.events()
    #expect(events.first == nil && events.partner == nil)
    couple.end(!isFirst, .complete)
    _ = couple.events()
    #expect(couple.results == [.complete, .complete])
  }

  @Test func `a direction that was announced and never came is a failure of the other`() throws {
    let couple = try couple(isComplete: false)
    let events = couple.events()
    #expect(events.first == nil && events.partner == nil, "it may still come")
    couple.first.session.outcome = .complete
    #expect(couple.events().partner == .partnerEnded(.peerGone))
    couple.partner.outcome = .peerGone
    _ = couple.events()
    #expect(couple.results == [.peerGone, nil])
  }

  @Test func `the first goes on when the second's data move`() {
    let door = Door(dials: true)
    #expect(door.welcome { _ in } == nil)
    door.openWindow()
    door.wait(Limits.gatheringTimeout)
    guard let options = door.session.partnerOptions else {
      Issue.record("the second does not begin")
      return
    }
    var partner = Session(options, at: door.now)
    var pair = Pair()
    #expect(pair.events(first: door.session, partner: partner).first == nil)
    partner.statistics.frameCount = 1
    #expect(pair.events(first: door.session, partner: partner).first == .partnerBegan)
    door.session.handle(.partnerBegan, control: Span(), at: door.now)
    #expect(pair.events(first: door.session, partner: partner).first == nil)
    partner.outcome = .refused(.busy)
    let events = pair.events(first: door.session, partner: partner)
    #expect(events.first == .partnerEnded(.refused(.busy)))
  }
}

/// Two sessions of one listener, and what they are as a whole.
private final class Couple {
  let first: Door
  var partner: Session
  private var pair = Pair()

  init(_ first: Door, _ partner: consuming Session) {
    self.first = first
    self.partner = partner
  }

  func events() -> (first: Event?, partner: Event?) {
    pair.events(first: first.session, partner: partner)
  }

  func end(_ isFirst: Bool, _ outcome: Outcome) {
    if isFirst { first.session.outcome = outcome } else { partner.outcome = outcome }
  }

  var results: [Outcome?] { [pair.result(of: first.session), pair.result(of: partner)] }
}

/// A session that measures, and whoever stands before it.
private final class Door {
  var session: Session
  var pending: [(token: OperationToken, operation: Transfer.Operation)] = []
  var handedOver: [Greeting] = []
  var refusals: [Refusal] = []
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  var partnerOptions: Options? { session.partnerOptions }
  private let key: Authenticator?
  private var said: [ConnectionID: Greeting] = [:]
  private var heard: [ConnectionID: Greeting] = [:]

  init(key: Authenticator? = nil, slotCount: Int = 16, dials: Bool = false) {
    var options = Options(
      role: .sender,
      opening: dials ? .dial(targetCount: 1, connectionCount: 1) : .listen,
      frameByteCount: 4096,
      memoryByteCount: slotCount * (4096 + Geometry.headroom),
      random: Fours()
    )
    options.authenticator = key
    options.bench = BenchTime(total: 10, omitted: 0).map {
      Options.Bench(time: $0, isUnchecked: false, isPaired: dials)
    }
    self.key = key
    session = Session(options, at: now)
    turn()
  }

  func wait(_ duration: Duration) {
    now = now + duration
    turn()
  }

  private func turn() {
    session.advance(to: now)
    while let action = session.nextAction() {
      switch action {
      case .submit(let token, let operation): pending.append((token, operation))
      case .lookAtLinks:
        let view = LinkView(links: [], lanes: [Lane(target: 0, link: nil)])
        session.handle(.didLookAtLinks(view), control: Span(), at: now)
      case .checksum(let slot, _, _):
        session.handle(.didChecksum(slot, 0, isZero: false), control: Span(), at: now)
      case .handOver(_, let hello): handedOver.append(hello)
      case .greet(let id, let greeting):
        heard[id] = greeting
        if greeting.kind == .refusal { refusals.append(greeting.refusal) }
      default: break
      }
    }
  }

  private func complete(
    _ byteCount: Int,
    _ control: [UInt8] = [],
    where isWanted: (Transfer.Operation) -> Bool
  ) {
    guard let index = pending.firstIndex(where: { isWanted($0.operation) }) else { return }
    let token = pending.remove(at: index).token
    let event = Event.completed(token, .done(byteCount), releaseFollows: false)
    session.handle(event, control: control.span, at: now)
    turn()
  }

  private func deliver(_ greeting: Greeting, on id: ConnectionID) {
    complete(Greeting.byteCount) { if case .send(id, _, _) = $0 { true } else { false } }
    var bytes = [UInt8](repeating: 0, count: Greeting.byteCount)
    var span = bytes.mutableSpan
    greeting.encode(into: &span)
    complete(bytes.count, bytes) { if case .receive(id, _) = $0 { true } else { false } }
  }

  /// Lets the peer say that there is room for frames.
  func openWindow() {
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    var span = bytes.mutableSpan
    FrameHeader(.ack, number: 8).encode(into: &span, seed: session.seed)
    complete(bytes.count, bytes) { if case .receive = $0 { true } else { false } }
  }

  /// Turns with an input that always has more and a network that takes everything.
  ///
  /// - Returns: frames that went out.
  func framesSent(in turns: Int) -> Int {
    let before = session.statistics.frameCount
    for _ in 0..<turns {
      complete(4096) { if case .read = $0 { true } else { false } }
      let sends = pending.filter { if case .send = $0.operation { true } else { false } }
      for case (let token, .send(_, let region, _)) in sends {
        pending.removeAll { $0.token == token }
        let event = Event.completed(token, .done(region.byteCount), releaseFollows: false)
        session.handle(event, control: Span(), at: now)
      }
      turn()
    }
    return session.statistics.frameCount - before
  }

  /// Says hello on a new connection.
  func hello(
    _ name: SessionID,
    _ role: Role,
    _ change: (inout Greeting) -> Void = { _ in }
  ) -> ConnectionID {
    let place =
      pending.compactMap { entry in
        if case .accept(let id) = entry.operation { id } else { nil }
      }.first ?? ConnectionID(0)
    complete(0) { if case .accept = $0 { true } else { false } }
    var hello = Greeting(.hello, role: role, session: name, frameByteCount: 4096)
    hello.isKeyed = key != nil
    hello.isBench = true
    hello.isPaired = true
    hello.streamByteCount = 10
    hello.nonce = Bytes32((UInt64(place.index), 7, 7, 7))
    change(&hello)
    said[place] = hello
    deliver(hello, on: place)
    return place
  }

  /// Confirms what was said there, by the right proof unless another is given.
  ///
  /// - Returns: the refusal that it brings.
  func confirm(_ id: ConnectionID, proof: Bytes32? = nil) -> Refusal? {
    guard let hello = said[id], let welcome = heard[id] else { return nil }
    var confirm = hello
    confirm.kind = .confirm
    if let key { confirm.proof = proof ?? key.tag(Handshake.diallerTranscript(hello, welcome)) }
    let count = refusals.count
    deliver(confirm, on: id)
    return refusals.count > count ? refusals.last : nil
  }

  /// Answers the first dial.
  ///
  /// - Returns: how the session ends by it, if it does.
  func welcome(_ change: (inout Greeting) -> Void) -> Outcome? {
    complete(0) { if case .connect = $0 { true } else { false } }
    let id = ConnectionID(0)
    guard var welcome = heard[id] else { return nil }
    welcome.kind = .welcome
    welcome.role = .receiver
    welcome.streamByteCount = Greeting.unknownStreamLength
    change(&welcome)
    deliver(welcome, on: id)
    if case .parting(let outcome, _) = session.phase { return outcome }
    return session.phase == .over ? .refused(.notPaired) : nil
  }
}
