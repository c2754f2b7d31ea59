import Wire

// Everything that happens because time passes.
extension Session {
  /// How often deadlines that are seconds long are looked at.
  private static let scanInterval: Duration = .milliseconds(50)

  mutating func runTimers(at now: Instant) {
    if let heldUntil, now >= heldUntil { self.heldUntil = nil }
    guard now >= scanAt else { return }
    scanAt = now + Self.scanInterval
    runConnectionDeadlines(at: now)
    updateHorizon(at: now)
    updateAcknowledgeDelay(at: now)
    sending?.didWrite(below: statistics.writtenOffset)
    if options.opening == .listen, !isParting,
      !connections.contains(where: { $0.state == .accepting })
    {
      acceptNext()
    }
    if now >= measureAt {
      measureAt = now + Limits.measureInterval
      for index in connections.indices where connections[index].isMember {
        actions.append(.measure(ConnectionID(index)))
      }
      watchLinks(at: now)
    }
    runSessionDeadlines(at: now)
  }

  /// A process that was stopped for a while has not waited: what happened meanwhile comes first.
  ///
  /// Before the first event of a turn, or what that sets a deadline for would get more time as well.
  mutating func skipStandstill(at now: Instant) {
    let gap = now - scanAt
    guard gap >= Limits.standstill else { return }
    scanAt = now
    if let present = alone {
      alone = (present.since + gap, present.goneSince.map { $0 + gap })
    }
    fruitlessSince = fruitlessSince.map { $0 + gap }
    blame = blame.map { ($0.sentence, $0.since + gap) }
    if case .lingering(let until) = phase { phase = .lingering(until: until + gap) }
    for index in connections.indices {
      if let deadline = connections[index].deadline {
        connections[index].deadline = deadline + gap
      }
    }
  }

  private mutating func runConnectionDeadlines(at now: Instant) {
    for index in connections.indices {
      guard let deadline = connections[index].deadline, now >= deadline else { continue }
      let id = ConnectionID(index)
      switch connections[index].state {
      case .dialling, .awaitingWelcome: drop(id, .failed(Failure(.timedOut)), at: now)
      case .awaitingHello, .awaitingConfirm:
        noteEndOfCall(id, .silent, at: now)
        turnAway(id, .tooSlow, at: now)
      case .refusing: stop(id, isReset: true, at: now)
      case .joined, .retiring:
        connections[index].deadline = nil
        if let loss = connections[index].sendFailure { drop(id, loss, at: now) }
      case .free, .accepting, .stopping: connections[index].deadline = nil
      }
    }
  }

  private mutating func runSessionDeadlines(at now: Instant) {
    runCommandDeadlines(at: now)
    switch phase {
    case .opening:
      giveUpDialling(at: now)
    case .lingering(let until):
      // Without a connection the sender cannot have heard the verdict: patience as in the middle.
      if alone == nil ? now >= until : loneliness(at: now) != nil { conclude(.complete, at: now) }
    case .running, .synchronizing, .verifying:
      if let outcome = loneliness(at: now) { conclude(outcome, at: now) }
    case .parting, .over:
      break
    }
  }

  /// Ends a session that nobody answered in time.
  ///
  /// A call that was taken gets its time, and so does the only one.
  private mutating func giveUpDialling(at now: Instant) {
    guard let dialing, now >= dialing.giveUpAt,
      !connections.contains(where: { $0.state == .awaitingWelcome }),
      dialing.lastFailure != nil || options.wait > .zero
    else { return }
    conclude(.notConnected(dialing.lastFailure), at: now)
  }

  /// What is to be thought of a peer without connections, after long enough; nil before that.
  private func loneliness(at now: Instant) -> Outcome? {
    guard let alone else { return nil }
    // The host of a dead process refuses at once: a call without an answer speaks for the network,
    // and one that was taken for a peer that is slow.
    let isCalling = connections.contains {
      $0.state == .dialling || $0.state == .awaitingWelcome
        || isCall($0)
    }
    // Who can only wait gives the dialler time to miss a connection whose reset it never heard.
    let patience =
      dialing == nil
      ? max(Limits.goneAfter, options.pathPatience) : Limits.goneAfter
    // Who breaks the protocol is told apart from damage by a check; an honest one comes back at once.
    if let blame, now - blame.since >= patience, !isCalling {
      return .protocolViolation(blame.sentence)
    }
    if let goneSince = alone.goneSince, now - goneSince >= patience, !isCalling {
      return isPeerReplaced ? .peerReplaced : .peerGone
    }
    guard now - alone.since >= options.giveUp else { return nil }
    if let blame { return .protocolViolation(blame.sentence) }
    // Who welcomes us has not gone, whatever ends the connections after that.
    let isWelcome = joinedInVainAt.map { now - $0 < patience } ?? false
    return isWelcome ? .joinedInVain : .networkSilent
  }

  /// A path is dead when TCP waits for an answer and none has come for `pathSilence`, or for a third
  /// of it and a few round trips while other paths are alive.
  ///
  /// A slow consumer is told from a dead path by TCP itself: the peer's kernel answers window probes
  /// as long as the path works, also while the peer's process or disk stands still.
  mutating func didMeasure(_ id: ConnectionID, _ measurement: Measurement?, at now: Instant) {
    guard let measurement, connections[id.index].isMember else { return }
    connections[id.index].roundTrip = measurement.roundTrip
    connections[id.index].leastRoundTrip = min(
      connections[id.index].leastRoundTrip ?? measurement.roundTrip,
      measurement.roundTrip
    )
    if let least = connections[id.index].leastRoundTrip {
      connections[id.index].rate.didMeasure(roundTrip: least)
    }
    if connections[id.index].crossing.local == nil {
      connections[id.index].crossing.local = measurement.onlyLink
    }
    connections[id.index].isAnswered =
      !measurement.isAwaitingAnswer || measurement.sinceLastAnswer < Limits.measureInterval
    // While others are answered it is this path that is dead, and not the peer that is away.
    let isAlone = !connections.indices.contains {
      $0 != id.index && connections[$0].isMember && connections[$0].isAnswered
    }
    let patience =
      isAlone
      ? options.pathSilence
      : min(options.pathSilence, options.pathSilence / 3 + measurement.roundTrip * 8)
    if measurement.isAwaitingAnswer, measurement.sinceLastAnswer >= patience,
      now - connections[id.index].joinedAt >= patience
    {
      drop(id, .silent, at: now)
    }
  }

  /// The owner waits for events no longer than until this; nil while nothing depends on time.
  public var nextDeadline: Instant? {
    if phase == .over { return nil }
    var deadline: Instant?
    func sooner(_ instant: Instant) {
      deadline = min(deadline ?? instant, instant)
    }
    // A part of a frame waits, and this turn will tell whether the input has more: do not sleep.
    if phase == .running, case .reading? = sending?.input, wantsPartialFrame {
      return Instant(nanoseconds: 0)
    }
    if phase == .running, sending?.input == .idle, let gatherInputUntil { sooner(gatherInputUntil) }
    let isIdleListener = connections.allSatisfy { $0.state == .free || $0.state == .accepting }
    let hasAccept = connections.contains { $0.state == .accepting }
    if !isIdleListener || alone != nil || phase != .opening || dialing != nil || !hasAccept {
      sooner(scanAt)
    }
    if phase == .running, let pace, !mayStartFrame, let sending,
      sending.hasSendableFrame || sending.hasPartialFrame
    {
      sooner(pace.nextAt)
    }
    if let soundingDeadline { sooner(soundingDeadline) }
    if let lateAt, lateAt > present { sooner(lateAt) }
    if let heldUntil { sooner(heldUntil) }
    if phase == .running, isOutputReady, let receiving {
      // Only what can be sent when its time has come: else the owner would turn without end.
      for index in connections.indices where connections[index].canSend {
        if connections[index].unreportedSince != nil {
          sooner(connections[index].acknowledgedAt + acknowledgeDelay)
        }
        if receiving.windowLimit > windowReport.limit {
          sooner(windowReport.at + acknowledgeDelay)
        }
      }
    }
    return deadline
  }
}
