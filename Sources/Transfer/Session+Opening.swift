import Wire

// Dialling, accepting and the handshake (Protocol.md, "Handshake").
extension Session {
  // MARK: Dialling

  /// Dials until every link has its number: the first connection alone, since it settles whether
  /// there is a session at all, then the others at once.
  mutating func pumpDials(at now: Instant) {
    guard let groups = dialing?.groups else { return }
    switch phase {
    case .opening:
      // The ways to the peer come first: also the first connection is aimed at a link.
      guard lookCount > 0, !connections.contains(where: { $0.state != .free }) else { return }
      // Each group in turn: the one that has waited longest since its last failure.
      let next = groups.indices.min { groups[$0].nextAt < groups[$1].nextAt }
      if let next, now >= groups[next].nextAt { dial(next, at: now) }
    case .running, .synchronizing, .verifying, .lingering:
      var room = options.connectionLimit - liveCount(of: nil)
      // Each group has its share, so that a dead link holds up no dial over the others.
      let share = max(Limits.dialsAtOnce / groups.count, 1)
      for index in groups.indices where now >= groups[index].nextAt {
        let missing = min(
          wantedCount(of: groups[index], share: share) - liveCount(of: index),
          room,
          share - dialCount(of: index)
        )
        guard missing > 0 else { continue }
        room -= missing
        for _ in 0..<missing { dial(index, at: now) }
      }
    case .parting, .over:
      return
    }
  }

  private func wantedCount(of group: DialState.Group, share: Int) -> Int {
    guard memberCount == 0 else { return group.quota }
    // Who said no once is asked by one connection at a time, as at the start.
    if dialing?.isAnswered == true { return 1 }
    // Where most links are dead, a port that leads out over a good one may lead back over a dead
    // one. With nobody left, several are tried at a time.
    return max(share, group.quota)
  }

  /// Connections of a group (nil: of all) that are there or on their way.
  private func liveCount(of group: Int?) -> Int {
    connections.count {
      switch $0.state {
      case .dialling, .awaitingWelcome, .joined: group == nil || $0.group == group
      case .free, .accepting, .awaitingHello, .awaitingConfirm, .refusing, .retiring, .stopping:
        false
      }
    }
  }

  /// Connections of a group that are on their way.
  private func dialCount(of group: Int) -> Int {
    connections.count {
      ($0.state == .dialling || $0.state == .awaitingWelcome) && $0.group == group
    }
  }

  private mutating func dial(_ group: Int, at now: Instant) {
    guard let lanes = dialing?.groups[group], let id = freePlace() else { return }
    let patience = phase == .opening ? Limits.dialTimeout : Limits.redialTimeout
    start(id, as: .dialling, at: now + patience)
    connections[id.index].number = dialing?.nextNumber ?? 0
    connections[id.index].group = group
    connections[id.index].crossing.local = lanes.link
    dialing?.nextNumber += 1
    connections[id.index].connectToken = submit(
      .connect(id, target: lanes.target, link: lanes.link),
      for: .connect(id)
    )
  }

  /// The lowest free place; nil when the table is full.
  mutating func freePlace() -> ConnectionID? {
    if let index = connections.firstIndex(where: { $0.state == .free }) {
      return ConnectionID(index)
    }
    guard connections.count < Limits.connectionTableSize else { return nil }
    connections.append(Connection())
    return ConnectionID(connections.count - 1)
  }

  mutating func start(_ id: ConnectionID, as state: Connection.State, at deadline: Instant?) {
    connections[id.index] = Connection()
    connections[id.index].state = state
    connections[id.index].serial = nextSerial
    connections[id.index].deadline = deadline
    connections[id.index].joinedAt = present
    nextSerial += 1
  }

  mutating func didConnect(_ id: ConnectionID, _ result: Event.Result, at now: Instant) {
    connections[id.index].connectToken = nil
    guard connections[id.index].state == .dialling else { return closeIfQuiet(id, at: now) }
    switch result {
    case .failed(let failure):
      drop(id, .failed(failure), at: now)
    case .done:
      guard let sessionID, let wanted = dialing?.wantedCount else { return }
      fitFrames(roundTrip: now - connections[id.index].joinedAt)
      var hello = Greeting(
        .hello,
        role: options.role,
        session: sessionID,
        frameByteCount: UInt32(frameByteCount)
      )
      hello.isKeyed = options.authenticator != nil
      hello.isContinuing = hasHeardPeer
      hello.connectionNumber = connections[id.index].number
      hello.connectionCount = UInt16(clamping: wanted)
      hello.streamByteCount = options.streamByteCount
      addBench(to: &hello)
      hello.nonce = nonce()
      connections[id.index].state = .awaitingWelcome
      connections[id.index].greeting = hello
      // Once there is a session, a peer that waits for us must not have left when we try again.
      let patience = phase == .opening ? Limits.handshakeTimeout : Limits.redialTimeout
      connections[id.index].deadline = now + patience
      greet(id, hello)
      armReceive(id)
    }
  }

  /// A dial came to nothing: remember why, and wait before the next.
  mutating func dialFailed(_ id: ConnectionID, _ loss: Notice.Loss, at now: Instant) {
    if let failure = failure(of: connections[id.index], loss) {
      dialing?.lastFailure = failure
      actions.append(.report(.dialFailed(id, failure)))
    }
    let isUrgent = phase == .opening || memberCount == 0 && dialing?.isAnswered == false
    dialing?.didFail(
      connections[id.index].group,
      isUrgent: isUrgent,
      jitter: options.random.next(),
      at: now
    )
  }

  /// What the user is told of a dial that ended; nil where more is said elsewhere.
  private func failure(of connection: Connection, _ loss: Notice.Loss) -> Failure? {
    switch loss {
    case .closedByPeer: return Failure(.hungUp)
    case .failed(let failure):
      guard connection.state == .awaitingWelcome else { return failure }
      // Whoever closes with our hello unread resets the connection.
      return switch failure.kind {
      case .reset, .brokenPipe: Failure(.hungUp)
      case .timedOut: Failure(.mute)
      default: failure
      }
    case .silent, .damaged, .violation, .surplus: return nil
    }
  }

  private mutating func didReceiveWelcome(_ id: ConnectionID, _ welcome: Greeting, at now: Instant)
  {
    guard let hello = connections[id.index].greeting else { return }
    switch welcome.kind {
    case .refusal:
      return refusedByPeer(id, welcome.refusal, at: now)
    case .hello, .confirm:
      return isNoAnswer(id, at: now)
    case .welcome:
      break
    }
    if welcome.isBench != hello.isBench { return refusedByPeer(id, .otherPurpose, at: now) }
    if welcome.isPaired != hello.isPaired { return refusedByPeer(id, .notPaired, at: now) }
    guard welcome.isUnchecked == hello.isUnchecked, welcome.session == hello.session else {
      return isNoAnswer(id, at: now)
    }
    if welcome.role == options.role { return refusedByPeer(id, .sameRole, at: now) }
    var confirm = hello
    confirm.kind = .confirm
    if let authenticator = options.authenticator {
      let expected = authenticator.tag(Handshake.listenerTranscript(hello, welcome))
      guard welcome.isKeyed, welcome.proof.isEqualInConstantTime(to: expected) else {
        // Only who runs the session welcomes one that continues: the damage was done on the way.
        if hello.isContinuing { return drop(id, .damaged(.damaged), at: now) }
        return refusedByPeer(id, welcome.isKeyed ? .keyWrong : .keyUnexpected, at: now)
      }
      confirm.proof = authenticator.tag(Handshake.diallerTranscript(hello, welcome))
    } else if welcome.isKeyed {
      return refusedByPeer(id, .keyNeeded, at: now)
    }
    greet(id, confirm)
    if let length = knownLength(hello, welcome) { statistics.streamByteCount = length }
    join(id, peer: welcome, at: now)
  }

  /// What answers is no listener of ours: as with a refusal, the first connection settles it.
  private mutating func isNoAnswer(_ id: ConnectionID, at now: Instant) {
    let isFirst = phase == .opening
    drop(id, .violation("\(WireError.strayGreeting)"), at: now)
    if isFirst { conclude(.notBraid(.strayGreeting), at: now) }
  }

  /// A refusal of the first connection ends the session; of a later one only that connection.
  private mutating func refusedByPeer(_ id: ConnectionID, _ refusal: Refusal, at now: Instant) {
    let isFirst = phase == .opening
    dialing?.isAnswered = true
    switch refusal {
    case .tooMany:
      // Our own dead connections fill its table, as far as it knows: it is there, and will notice.
      if let present = alone { alone = (present.since, nil) }
    case .busy, .unknownSession:
      // Somebody else listens where our peer did.
      if let present = alone { alone = (present.since, present.goneSince ?? now) }
      isPeerReplaced = refusal == .unknownSession
    case .none, .version, .keyNeeded, .keyUnexpected, .keyWrong, .sameRole, .malformed,
      .otherPurpose, .notPaired:
      break
    }
    drop(id, .violation("refused: \(refusal)"), at: now)
    if isFirst { conclude(.refused(refusal), at: now) }
  }

  // MARK: Accepting

  /// Keeps one accept in flight, in a place of its own.
  mutating func acceptNext() {
    guard let id = freePlace() else { return }
    start(id, as: .accepting, at: nil)
    connections[id.index].connectToken = submit(.accept(id), for: .accept(id))
  }

  mutating func didAccept(_ id: ConnectionID, _ result: Event.Result, at now: Instant) {
    connections[id.index].connectToken = nil
    guard case .done = result else {
      // Out of descriptors, or a peer that was gone before we came: try again at the next turn of
      // the slow timers, so that a lasting failure does not spin.
      connections[id.index].state = .free
      return
    }
    connections[id.index].state = .awaitingHello
    // Who comes now would only hold up the end, and others after him.
    if isParting { return stop(id, isReset: true, at: now) }
    connections[id.index].deadline = now + Limits.handshakeTimeout
    armReceive(id)
    evictStranger(at: now)
    acceptNext()
  }

  /// When strangers fill their places, the one that has waited longest makes room; who names our
  /// session only where all do, since a far dialler needs longer than a crowd does to come in.
  private mutating func evictStranger(at now: Instant) {
    let strangers = connections.indices.filter {
      connections[$0].state == .awaitingHello || connections[$0].state == .awaitingConfirm
    }
    let others = strangers.filter { !isCall(connections[$0]) }
    guard strangers.count > Limits.halfOpenConnections - 2,
      let oldest = (others.isEmpty ? strangers : others).min(by: {
        connections[$0].serial < connections[$1].serial
      })
    else { return }
    turnAway(ConnectionID(oldest), .evicted, at: now)
  }

  private mutating func didReceiveHello(_ id: ConnectionID, _ hello: Greeting, at now: Instant) {
    guard hello.kind == .hello else { return refuse(id, .malformed, at: now) }
    if let refusal = objection(to: hello) { return refuse(id, refusal, at: now) }
    // After our welcome the dialler counts itself in, and takes a refusal for a damaged frame. Only
    // those who name our session count: nobody else knows it.
    let calls = connections.indices.filter { isCall(connections[$0]) }
    if !isOfPartner(hello), isFull(with: calls.count) {
      // While nobody is left, a newer call says that older ones have died on the way.
      guard memberCount == 0,
        let oldest = calls.min(by: { connections[$0].serial < connections[$1].serial })
      else { return refuse(id, .tooMany, at: now) }
      turnAway(ConnectionID(oldest), .evicted, at: now)
    }
    var welcome = Greeting(
      .welcome,
      role: role(toward: hello),
      session: hello.session,
      frameByteCount: UInt32(frameByteCount)
    )
    welcome.isKeyed = options.authenticator != nil
    welcome.connectionNumber = hello.connectionNumber
    welcome.streamByteCount = options.streamByteCount
    welcome.isBench = hello.isBench
    welcome.isUnchecked = hello.isUnchecked
    welcome.isPaired = hello.isPaired
    welcome.nonce = nonce()
    if let authenticator = options.authenticator {
      welcome.proof = authenticator.tag(Handshake.listenerTranscript(hello, welcome))
    }
    connections[id.index].state = .awaitingConfirm
    connections[id.index].greeting = hello
    connections[id.index].number = hello.connectionNumber
    // The welcome is needed again to check the proof; only its nonce is ours and fresh.
    connections[id.index].welcome = welcome
    greet(id, welcome)
    armReceive(id)
  }

  /// Why a hello is not welcome; nil if it is.
  private func objection(to hello: Greeting) -> Refusal? {
    if hello.isKeyed, options.authenticator == nil { return .keyUnexpected }
    if !hello.isKeyed, options.authenticator != nil { return .keyNeeded }
    if let refusal = benchObjection(to: hello) { return refusal }
    if hello.role == role(toward: hello) { return .sameRole }
    if isParting { return .busy }
    if isOfPartner(hello) { return nil }
    if let sessionID, sessionID != hello.session { return .busy }
    // Part of a stream went to somebody who is gone; here it would begin in the middle.
    if sessionID == nil, hello.isContinuing { return .unknownSession }
    return isFull(with: 0) ? .tooMany : nil
  }

  /// Whether so many calls, and the members, leave no room for another connection.
  ///
  /// Once all is written whoever comes wants the verdict: members that are silent must not keep out
  /// who asks for it.
  private func isFull(with callCount: Int) -> Bool {
    if case .lingering = phase { return false }
    return memberCount + callCount >= options.connectionLimit
  }

  private mutating func didReceiveConfirm(_ id: ConnectionID, _ confirm: Greeting, at now: Instant)
  {
    guard let hello = connections[id.index].greeting, let welcome = connections[id.index].welcome
    else { return }
    guard confirm.kind == .confirm, confirm.session == hello.session, confirm.nonce == hello.nonce
    else { return refuse(id, .malformed, at: now) }
    if let authenticator = options.authenticator {
      let expected = authenticator.tag(Handshake.diallerTranscript(hello, welcome))
      guard confirm.proof.isEqualInConstantTime(to: expected) else {
        return refuse(id, .keyWrong, at: now)
      }
    }
    // Another session may have begun since the hello.
    if let refusal = objection(to: hello) { return refuse(id, refusal, at: now) }
    if isOfPartner(hello) {
      actions.append(.handOver(id, hello))
      return stop(id, isReset: false, at: now)
    }
    settleBench(by: hello)
    sessionID = hello.session
    if let length = knownLength(hello, welcome) { statistics.streamByteCount = length }
    join(id, peer: hello, at: now)
  }

  /// The length of the stream, if the side that sends has said it.
  private func knownLength(_ hello: Greeting, _ welcome: Greeting) -> UInt64? {
    if hello.isBench { return nil }
    let length = hello.role == .sender ? hello.streamByteCount : welcome.streamByteCount
    return length == Greeting.unknownStreamLength ? nil : length
  }

  // MARK: Both

  mutating func didReceiveGreeting(_ id: ConnectionID, control: Span<UInt8>, at now: Instant) {
    let greeting: Greeting
    do {
      greeting = try Greeting(decoding: control)
    } catch {
      if connections[id.index].state == .awaitingWelcome {
        // Whatever it says, a braid of another version says it here (Protocol.md, "Versions").
        if case .unsupportedVersion = error { return refusedByPeer(id, .version, at: now) }
        drop(id, .damaged(error), at: now)
        if phase == .opening, isHopeless(error) { conclude(.notBraid(error), at: now) }
      } else if case .unsupportedVersion = error {
        refuse(id, .version, at: now)
      } else {
        turnAway(id, .notBraid(error), at: now)
      }
      return
    }
    switch connections[id.index].state {
    case .awaitingWelcome: didReceiveWelcome(id, greeting, at: now)
    case .awaitingHello: didReceiveHello(id, greeting, at: now)
    case .awaitingConfirm: didReceiveConfirm(id, greeting, at: now)
    case .free, .accepting, .dialling, .refusing, .joined, .retiring, .stopping: break
    }
  }

  /// Whether an answer that makes no sense says that no braid is there; one that is braid's but for
  /// its check was damaged on the way, and is asked for again a few times.
  private mutating func isHopeless(_ error: WireError) -> Bool {
    guard error == .damaged else { return true }
    damagedWelcomeCount += 1
    return damagedWelcomeCount >= Limits.damagedWelcomes
  }

  /// Makes a connection part of the session; the first one settles how memory is cut.
  mutating func join(_ id: ConnectionID, peer: Greeting, at now: Instant) {
    connections[id.index].state = .joined
    statistics.joinedCount += 1
    statistics.memberCount = memberCount
    actions.append(.report(.joined(id, count: statistics.memberCount)))
    if phase == .opening { begin(peer: peer, at: now) }
    let capacity = geometry.map { $0.slotCount + 1 } ?? 1
    connections[id.index].deadline = nil
    connections[id.index].incoming = .header
    connections[id.index].lastSent = now
    connections[id.index].joinedAt = now
    connections[id.index].zeroCopy =
      switch options.zeroCopy {
      case .off: .never
      case .auto: .untried
      case .on: .always
      }
    if options.role == .sender { connections[id.index].carried = RingQueue(capacity: capacity) }
    alone = nil
    isPeerReplaced = false
    // A connection from another address may come over a link that was not known.
    if dialing == nil { actions.append(.lookAtLinks) }
    dialing?.didJoin()
    armReceive(id)
  }

  private mutating func begin(peer: Greeting, at now: Instant) {
    guard let sessionID else { return }
    phase = .running
    seed = Handshake.frameSeed(of: sessionID, authenticator: options.authenticator)
    let frame = min(frameByteCount, Int(peer.frameByteCount) & ~4095)
    let geometry = Geometry(frameByteCount: frame, memoryByteCount: options.ownMemoryByteCount)
    self.geometry = geometry
    actions.append(.configure(geometry))
    actions.append(.report(.started(frameByteCount: frame)))
    actions.append(.lookAtLinks)
    switch options.role {
    case .sender:
      sending = SendStream(
        geometry: geometry,
        byteCount: options.isPositional ? options.streamByteCount : nil,
        hasHoles: options.hasHoles && options.sparse != .never
      )
      sending?.keptForSounding = 1
      inFlight.makeRoom(slotCount: geometry.slotCount)
      gathering = Gathering(deadline: now + Limits.gatheringTimeout)
    case .receiver:
      receiving = ReceiveStream(
        geometry: geometry,
        isPositional: options.isPositional,
        sparse: options.sparse,
        writeBehindByteCount: options.writeBehindByteCount
      )
      // A command that goes away says more by its status.
      if command == .none { watchToken = submit(.watchOutput, for: .watchOutput) }
    }
  }

  /// Says why not, and closes once it is said.
  private mutating func refuse(_ id: ConnectionID, _ refusal: Refusal, at now: Instant) {
    statistics.turnedAwayCount += 1
    actions.append(.report(.turnedAway(id, reason: .refused(refusal))))
    var answer = Greeting(
      .refusal,
      role: options.role,
      session: connections[id.index].greeting?.session ?? SessionID(low: 0, high: 0),
      frameByteCount: UInt32(frameByteCount)
    )
    answer.isKeyed = options.authenticator != nil
    answer.refusal = refusal
    connections[id.index].state = .refusing
    connections[id.index].deadline = now + Limits.partingTimeout
    greet(id, answer)
  }

  /// Closes a connection that never was part of the session, without a word.
  mutating func turnAway(
    _ id: ConnectionID,
    _ reason: Notice.Strangeness,
    at now: Instant
  ) {
    statistics.turnedAwayCount += 1
    actions.append(.report(.turnedAway(id, reason: reason)))
    stop(id, isReset: true, at: now)
  }

  mutating func greet(_ id: ConnectionID, _ greeting: Greeting) {
    guard connections[id.index].sendToken == nil else {
      // The completion of our last message may come after the peer's answer to it.
      connections[id.index].queuedGreeting = greeting
      return
    }
    actions.append(.greet(id, greeting))
    connections[id.index].outgoing = .message(byteCount: Greeting.byteCount, nil)
    connections[id.index].sentByteCount = 0
    continueSend(id)
  }

  private mutating func nonce() -> Bytes32 {
    Bytes32(
      (
        options.random.next(), options.random.next(),
        options.random.next(), options.random.next()
      )
    )
  }
}
