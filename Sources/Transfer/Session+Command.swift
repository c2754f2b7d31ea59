import Wire

// The command that makes the input or takes the output (`--exec`): what its end means, and how it is
// ended when the session fails.
extension Session {
  /// Where the command is.
  enum Command: Equatable {
    /// There is none.
    case none
    /// It runs, as far as we know.
    case running
    /// It was told to end, and is killed at this time.
    case leaving(killAt: Instant)
    /// It was killed, and is waited for until this time.
    case killed(until: Instant)
    /// It has ended: with status 0, or not.
    case ended(isGood: Bool)
  }

  mutating func awaitCommand() {
    command = .running
    submit(.awaitCommand, for: .command)
  }

  /// Whether nothing of a command speaks against the end of the input: it ended well, or is none.
  var isCommandContent: Bool { command == .none || command == .ended(isGood: true) }

  /// Whether the session's end has to wait for that of the command.
  var isWaitingForCommand: Bool {
    switch command {
    case .none, .ended: false
    case .running, .leaving, .killed: true
    }
  }

  /// The command has ended: a good status is needed before the end of the stream may be told, or its
  /// success; a bad one ends the session.
  mutating func didEndCommand(_ result: Event.Result, at now: Instant) {
    if case .failed(let failure) = result {
      command = .ended(isGood: false)
      if isParting { return }
      return conclude(commandOutcome(failure), at: now)
    }
    command = .ended(isGood: true)
    switch options.role {
    case .sender:
      if sending?.input == .awaitingCommand { sending?.input = .ended }
    case .receiver:
      // It may know by itself that it has everything, and be done before its input is closed.
      if phase == .synchronizing { return giveVerdict(at: now) }
      if commandDueBy != nil { missCommand(at: now) }
    }
  }

  private func commandOutcome(_ failure: Failure) -> Outcome {
    options.role == .sender ? .inputFailed(failure) : .outputFailed(failure)
  }

  /// Everything is written: the command is to see that, and has the last word.
  mutating func closeCommandInput(at now: Instant) {
    actions.append(.closeOutput)
    if isCommandContent { giveVerdict(at: now) }
  }

  /// The command takes nothing any more, although there is something: its status may say why.
  mutating func missCommand(at now: Instant) {
    if case .ended = command {
      return conclude(.outputFailed(Failure(.commandExited)), at: now)
    }
    commandDueBy = now + Limits.commandDelay
  }

  /// The session is over, one way or the other: a command that still runs is told to end.
  ///
  /// Its input stays open, so that it does not take the end of the session for the end of the stream.
  mutating func endCommand(at now: Instant) {
    guard command == .running else { return }
    command = .leaving(killAt: now + Limits.commandFarewell)
    actions.append(.endCommand(isForced: false))
  }

  mutating func runCommandDeadlines(at now: Instant) {
    switch command {
    case .none, .ended:
      break
    case .running:
      guard let commandDueBy, now >= commandDueBy, phase == .running else { return }
      conclude(.outputFailed(Failure(.brokenPipe)), at: now)
    case .leaving(let killAt):
      guard now >= killAt else { return }
      command = .killed(until: now + Limits.commandDeath)
      actions.append(.endCommand(isForced: true))
    case .killed(let until):
      if now >= until { command = .ended(isGood: false) }
    }
  }
}
