public import Wire

// Sessions that measure (Protocol.md, "Measuring").
extension Session {
  /// Whether payloads go without checksums.
  var isUnchecked: Bool { options.bench?.isUnchecked ?? false }

  /// Whether the user has named the number of connections, so that no idle link changes it.
  var keepsNumber: Bool { dialing?.askedCount != nil }

  // MARK: The handshake

  func addBench(to hello: inout Greeting) {
    guard let bench = options.bench else { return }
    hello.isBench = true
    hello.isUnchecked = bench.isUnchecked
    hello.isPaired = bench.isPaired
    hello.streamByteCount = bench.time.wire
  }

  /// What we are to a dialler: one who measures is free to choose, as long as nobody has.
  func role(toward hello: Greeting) -> Role {
    if isOfPartner(hello) { return options.role.opposite }
    return options.bench != nil && sessionID == nil ? hello.role.opposite : options.role
  }

  /// What speaks against a hello because it measures, or because it does not; nil if nothing does.
  func benchObjection(to hello: Greeting) -> Refusal? {
    guard hello.isBench == (options.bench != nil) else { return .otherPurpose }
    guard hello.isBench else { return hello.isUnchecked || hello.isPaired ? .malformed : nil }
    if let sessionID, sessionID != hello.session, !isOfPartner(hello) { return .busy }
    guard let asked = Options.Bench(hello) else { return .malformed }
    // Memory that is enough for one session may be too little for two.
    var settled = options
    settled.bench = asked
    if asked.isPaired, settled.complaint != nil { return .notPaired }
    return sessionID == nil || asked == options.bench ? nil : .malformed
  }

  /// The first connection that joins settles what a listener does.
  mutating func settleBench(by hello: Greeting) {
    guard sessionID == nil, let asked = Options.Bench(hello) else { return }
    options.role = hello.role.opposite
    options.bench = asked
  }

  // MARK: The other direction

  /// Whether a hello belongs to the other session of our pair; only a pair that runs has one.
  func isOfPartner(_ hello: Greeting) -> Bool {
    options.bench?.isPaired == true && options.opening == .listen
      && hello.session == sessionID?.partner
  }

  /// What the other session of our pair is to do; nil without one, or while it is not its turn.
  ///
  /// A dialler's second session comes after the first, since that one settles whether there is
  /// somebody to measure with, and when that one has chosen its connections: bursts are told from
  /// one another by what the links count, and acknowledgements of the other direction are counted
  /// as well.
  public var partnerOptions: Options? {
    guard options.bench?.isPaired == true, phase == .running, let sessionID else { return nil }
    if dialing != nil, !hasChosen { return nil }
    var partner = options
    partner.role = options.role.opposite
    partner.session = sessionID.partner
    if options.opening == .listen { partner.opening = .handedOver }
    return partner
  }

  /// Whether the sender has chosen its connections; a receiver sees it by the first frame.
  private var hasChosen: Bool { gathering.map { $0.step == .done } ?? hasTakenFrame }

  /// Whether a frame has come in whole.
  public var hasTakenFrame: Bool { statistics.frameCount > 0 }

  /// Whether the data of the first session of a pair wait for the choice of the second.
  public var awaitsPartner: Bool { heldUntil != nil }

  /// One frame may go, so that the peer sees that it is the other direction's turn to choose.
  var isHeldForPartner: Bool {
    guard heldUntil != nil else { return false }
    return connections.contains { $0.acknowledgedFrameCount > 0 || !$0.carried.isEmpty }
  }

  /// The first session of a pair has chosen; the second, which was given its name, waits for nobody.
  mutating func holdForPartner(at now: Instant) {
    guard options.bench?.isPaired == true, options.session == nil else { return }
    heldUntil = now + Limits.partnerTimeout
  }

  /// Takes a connection that the listening session of our pair has let in.
  ///
  /// - Returns: its place; nil if there is none for it.
  public mutating func adopt(_ hello: Greeting, at now: Instant) -> ConnectionID? {
    // What a lost session has begun cannot be gone on with, and who is leaving takes nobody in.
    let isWelcome = hello.session == sessionID && (phase == .opening ? !hello.isContinuing : true)
    guard isWelcome, !isParting, phase != .over, memberCount < options.connectionLimit,
      let id = freePlace()
    else { return nil }
    start(id, as: .awaitingConfirm, at: nil)
    connections[id.index].greeting = hello
    connections[id.index].number = hello.connectionNumber
    join(id, peer: hello, at: now)
    return id
  }

  // MARK: Figures

  /// The names of the links that a connection crosses, here and there, where they are known.
  public func linkNames(of id: ConnectionID) -> (local: String?, remote: String?) {
    guard connections.indices.contains(id.index) else { return (nil, nil) }
    let crossing = connections[id.index].crossing
    return (name(crossing.local, localLinks), name(crossing.remote, remoteLinks))
  }

  /// Whether a place of the connection table holds a connection that carries data.
  public func isCarrying(_ id: ConnectionID) -> Bool {
    connections.indices.contains(id.index) && connections[id.index].state == .joined
  }

  /// Whether a receiver has written all that there is.
  public var isEverythingWritten: Bool {
    switch phase {
    case .synchronizing, .verifying, .lingering: true
    case .opening, .running, .parting, .over: false
    }
  }

  /// How far the sender may run ahead, in bytes; 0 before the session has begun.
  ///
  /// Ours bounds it; the peer's may be smaller, which is not known.
  public var windowByteCount: Int {
    geometry.map { $0.frameByteCount * ($0.slotCount - Limits.slotsKeptBack) } ?? 0
  }

  /// Processor time of the peer's process for this session, as it said last; nil if it did not.
  public var peerProcessorTime: Duration? {
    peerProcessorMicroseconds.map { .microseconds(Int64(clamping: $0)) }
  }
}

extension Options.Bench {
  /// What a hello asks for; nil if it makes no sense.
  init?(_ hello: Greeting) {
    guard hello.isBench, let time = BenchTime(wire: hello.streamByteCount) else { return nil }
    self.init(time: time, isUnchecked: hello.isUnchecked, isPaired: hello.isPaired)
  }
}
