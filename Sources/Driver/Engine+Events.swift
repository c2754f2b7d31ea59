internal import Glibc
internal import Transfer
internal import Uring

// Completion to event: a switch, no policy.
extension Engine {
  func take(_ completion: Completion, at now: Instant) {
    if completion.userData & UserData.readinessFlag != 0 {
      let userData = completion.userData & ~UserData.readinessFlag
      return becameReady(userData, completion.outcome, at: now)
    }
    let token = OperationToken(rawValue: completion.userData & ~UserData.partnerFlag)
    if completion.isNotification {
      session.handle(
        .released(token, wasCopied: completion.wasCopied),
        control: Span(),
        at: now
      )
      return
    }
    if wouldBlock(completion) { return }
    guard let outcome = outcome(of: completion) else { return }
    var result: Event.Result
    switch outcome {
    case .bytes(let count): result = .done(count)
    case .failed(let error): result = .failed(Failure(error))
    }
    if token == commandToken, case .bytes = completion.outcome { result = commandResult() }
    if let id = session.acceptingPlace(of: token) { result = accept(id, result) }
    let event = Event.completed(token, result, releaseFollows: completion.hasMore)
    if let id = session.controlOwner(of: token) {
      common.ring.arena.withBytes(incoming(id)) { session.handle(event, control: $0, at: now) }
    } else {
      session.handle(event, control: Span(), at: now)
    }
  }

  /// How the command ended, now that its descriptor says that it has.
  private func commandResult() -> Event.Result {
    switch command?.end {
    case .exited(0): .done(0)
    case .exited(let status): .failed(Failure(.commandExited, code: status))
    case .killed(let signal): .failed(Failure(.commandKilled, code: signal))
    case nil: .failed(Failure(.other))
    }
  }

  /// The new connection's descriptor goes to its place; the session only learns that it is there.
  private func accept(_ id: ConnectionID, _ result: Event.Result) -> Event.Result {
    guard case .done(let number) = result else { return result }
    let descriptor = Int32(number)
    guard session.outcome == nil else {
      // Of a pair the other session goes on; who came finds the connection closed, and tries again.
      hasMissedConnection = true
      _ = Glibc.close(descriptor)
      return .done(0)
    }
    let peer = try? Socket.remoteAddress(descriptor)
    common.network.configure(descriptor, peer: peer)
    sockets[id.index] = ConnectionSocket(
      descriptor: descriptor,
      peer: peer
    )
    return .done(0)
  }

  /// A descriptor that somebody else made non-blocking: wait until it is ready, then repeat.
  private func wouldBlock(_ completion: Completion) -> Bool {
    guard let operation = streamOperations.removeValue(forKey: completion.userData) else {
      return false
    }
    guard completion.outcome == .failed(.wouldBlock) else { return false }
    streamOperations[completion.userData] = operation
    let isRead = if case .read = operation { true } else { false }
    enqueue(
      .poll(.descriptor(endpoint.descriptor), readable: isRead, writable: !isRead),
      userData: completion.userData | UserData.readinessFlag
    )
    return true
  }

  private func becameReady(_ userData: UInt64, _ outcome: Completion.Outcome, at now: Instant) {
    // The wait was cancelled in place of the read: for the session that is the same.
    if outcome == .failed(.cancelled), streamOperations.removeValue(forKey: userData) != nil {
      return session.handle(
        .completed(
          OperationToken(rawValue: userData),
          .failed(Failure(.cancelled)),
          releaseFollows: false
        ),
        control: Span(),
        at: now
      )
    }
    guard let operation = streamOperations[userData] else { return }
    enqueue(operation, userData: userData)
  }
}
