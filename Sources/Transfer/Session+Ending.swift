import Wire

// How connections end, and how the session does.
extension Session {
  // MARK: Connections

  /// Ends a connection for a reason; what it carried goes over others.
  mutating func drop(_ id: ConnectionID, _ loss: Notice.Loss, at now: Instant) {
    let state = connections[id.index].state
    switch state {
    case .free, .accepting, .stopping:
      return
    case .dialling, .awaitingWelcome:
      noteEvidence(loss, at: now)
      dialFailed(id, loss, at: now)
      stop(id, isReset: true, at: now)
    case .awaitingHello, .awaitingConfirm, .refusing:
      noteEndOfCall(id, loss, at: now)
      statistics.turnedAwayCount += state == .refusing ? 0 : 1
      if state != .refusing { actions.append(.report(.turnedAway(id, reason: .closed))) }
      stop(id, isReset: true, at: now)
    case .joined, .retiring:
      loseMember(id, loss, at: now)
    }
  }

  private mutating func loseMember(_ id: ConnectionID, _ loss: Notice.Loss, at now: Instant) {
    var resent = 0
    while let carried = connections[id.index].carried.popFirst() {
      if sending?.didLose(carried) == true { resent += 1 }
    }
    let isExpected = connections[id.index].goodbyeSent || isParting
    if !isExpected {
      statistics.lostCount += 1
      // Before it is closed: its address is still known then.
      actions.append(.report(.lost(id, reason: loss, resent: resent)))
    }
    noteProof(of: id, isExpected: isExpected, at: now)
    notePeak()
    stop(id, isReset: true, at: now)
    guard memberCount == 0 else { return }
    // Also after the verdict: a close without a goodbye may be one that has not heard it.
    beAlone(at: now)
    noteEvidence(loss, at: now)
    if phase == .running { actions.append(.report(.disconnected)) }
  }

  /// The last member has gone; time in which others joined and died at once counts as time alone.
  mutating func beAlone(at now: Instant) {
    joinedInVainAt = fruitlessSince.map { _ in now }
    let since = fruitlessSince ?? now
    fruitlessSince = since
    alone = (since: since, goneSince: nil)
  }

  /// Something of the stream got through on a connection that may have been in doubt.
  mutating func noteProgress(_ id: ConnectionID, at now: Instant) {
    guard !connections[id.index].hasProgressed else { return }
    connections[id.index].hasProgressed = true
    (fruitlessSince, blame) = (nil, nil)
    dialing?.didProve(connections[id.index].group, at: now)
  }

  /// Tells a member that was some good from one that joined and died: whoever lets a handshake pass
  /// and nothing else must not keep both sides dialling without a pause, or for ever.
  mutating func noteProof(of id: ConnectionID, isExpected: Bool, at now: Instant) {
    // Over a dead path it would have been found out by then. There may be nothing to send, or the
    // output may stand still.
    let hasLasted = now - connections[id.index].joinedAt >= options.pathPatience
    if connections[id.index].hasProgressed || hasLasted {
      (fruitlessSince, blame) = (nil, nil)
    } else if !isExpected {
      let (group, jitter) = (connections[id.index].group, options.random.next())
      dialing?.didLoseUnproven(group, jitter: jitter, at: now)
    }
  }

  /// A peer's host that answers for a dead process speaks against the process; silence speaks
  /// against the network.
  mutating func noteEvidence(_ loss: Notice.Loss, at now: Instant) {
    guard let present = alone, let speaksForDeath = loss.speaksForDeath else { return }
    alone = (present.since, speaksForDeath ? present.goneSince ?? now : nil)
    dialing?.isAnswered = speaksForDeath
  }

  /// Whether somebody is calling who names our session: the peer, as far as can be told before the
  /// proof.
  func isCall(_ connection: Connection) -> Bool {
    connection.state == .awaitingConfirm && connection.greeting?.session == sessionID
  }

  /// A call of the peer came to nothing: it lived until then, and calls again if it still does.
  mutating func noteEndOfCall(_ id: ConnectionID, _ loss: Notice.Loss, at now: Instant) {
    guard let present = alone, isCall(connections[id.index]) else { return }
    // What was not thought before is not concluded from it: anybody could repeat a recorded hello.
    let isGone = present.goneSince != nil && loss.speaksForDeath == true
    alone = (present.since, isGone ? now : nil)
  }

  /// Makes all of a connection's operations end; it is closed when they have.
  mutating func stop(_ id: ConnectionID, isReset: Bool, at now: Instant) {
    guard connections[id.index].state != .stopping, connections[id.index].state != .free else {
      return
    }
    // What is still carried when a connection is stopped without having been lost has been said
    // goodbye to: nothing is, or the session is over.
    connections[id.index].state = .stopping
    connections[id.index].deadline = nil
    connections[id.index].isResetOnClose = isReset
    statistics.memberCount = memberCount
    if !connections[id.index].isQuiet { actions.append(.stop(id)) }
    closeIfQuiet(id, at: now)
  }

  /// Closes a stopping connection when its last operation has completed.
  mutating func closeIfQuiet(_ id: ConnectionID, at now: Instant) {
    guard connections[id.index].state == .stopping, connections[id.index].isQuiet else { return }
    if case .payload(_, let slot) = connections[id.index].incoming {
      awaitingChecksum[slot.index] = nil
      receiving?.didAbandon(slot)
    }
    actions.append(.close(id, isReset: connections[id.index].isResetOnClose))
    connections[id.index] = Connection()
  }

  // MARK: The session

  /// Whether last words are being said.
  var isParting: Bool {
    if case .parting = phase { return true }
    return false
  }

  /// Settles how the session ends; the first outcome stands.
  mutating func conclude(_ outcome: Outcome, at now: Instant) {
    switch phase {
    case .parting, .over: return
    case .lingering where outcome != .complete: return conclude(.complete, at: now)
    case .opening, .running, .synchronizing, .verifying, .lingering: break
    }
    lookAtLinksFinally()
    // Of a frame that was not written to its end, too: it is out of our hands.
    if let receiving {
      statistics.writtenOffset = receiving.takenOffset
      statistics.hasWrittenParts = receiving.hasWrittenParts
    }
    phase = .parting(outcome, until: now + Limits.partingTimeout)
    endCommand(at: now)
    alone = nil
    for index in connections.indices where !connections[index].isMember {
      switch connections[index].state {
      case .free, .stopping, .refusing, .accepting: break
      default: stop(ConnectionID(index), isReset: true, at: now)
      }
    }
    // A receiver that was told goodbye, or a side that was told why, has nothing left to say.
    if silencesAtOnce(outcome) {
      for index in connections.indices where connections[index].isMember {
        stop(ConnectionID(index), isReset: false, at: now)
      }
    }
    // Nothing waits for a slot any more; what the peer does is seen only by those who read.
    for index in connections.indices where connections[index].isMember {
      guard case .held(let header) = connections[index].incoming else { continue }
      connections[index].incoming = .discard(header)
      armReceive(ConnectionID(index))
    }
  }

  private func silencesAtOnce(_ outcome: Outcome) -> Bool {
    switch outcome {
    case .complete: options.role == .receiver
    case .peerEnded, .peerGone, .peerReplaced, .notConnected, .refused, .notBraid: true
    default: false
    }
  }

  /// Reports the outcome once every connection is closed and the command has ended.
  mutating func finishIfDone(at now: Instant) {
    guard case .parting(let outcome, let until) = phase else { return }
    if now >= until {
      // Once more the same time, counted from here: the clock may have jumped past both.
      phase = .parting(outcome, until: now + Limits.partingTimeout)
      for index in connections.indices where connections[index].state != .accepting {
        // A last word that is still on its way may arrive after us.
        let isSaid = connections[index].abortSent && connections[index].sendToken == nil
        stop(ConnectionID(index), isReset: !isSaid, at: now)
      }
    }
    let isDone = connections.allSatisfy { $0.state == .free || $0.state == .accepting }
    guard isDone, !isWaitingForCommand else { return }
    phase = .over
    self.outcome = outcome
    actions.append(.finish(outcome))
  }
}

extension Notice.Loss {
  /// Whether it says that the peer's process has gone, or that it may well be there; nil if neither.
  fileprivate var speaksForDeath: Bool? {
    switch self {
    case .closedByPeer: true
    case .failed(let failure):
      switch failure.kind {
      case .reset, .refused, .brokenPipe: true
      case .timedOut, .unreachable: false
      case .noSpace, .cancelled, .noBuffers, .notSupported, .addressInUse, .endedEarly, .changed,
        .hungUp, .mute, .commandExited, .commandKilled, .other:
        nil
      }
    // Nobody says anything that badly who is not there.
    case .silent, .damaged: false
    case .violation, .surplus: nil
    }
  }
}
