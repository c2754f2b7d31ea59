public import Wire

/// What the kernel said when an operation did not succeed.
public struct Failure: Equatable, Sendable {
  /// The kinds that decisions depend on.
  public enum Kind: Sendable, Equatable {
    /// The peer's host answered with a reset, or the connection was reset later.
    case reset
    /// Nobody listens at that port.
    case refused
    /// TCP gave up, or we did.
    case timedOut
    /// No route, host or network unreachable.
    case unreachable
    /// The reader of our output has gone.
    case brokenPipe
    /// The target is full.
    case noSpace
    /// We cancelled it.
    case cancelled
    /// Memory or buffers were short; worth another try by plain means.
    case noBuffers
    /// This kernel, or this kind of descriptor, cannot do it.
    case notSupported
    /// The address is in use.
    case addressInUse
    /// Somebody takes our connections and closes them before a word.
    case hungUp
    /// Somebody takes our connections and says nothing.
    case mute
    /// The input ended before the length that it had at the start.
    case endedEarly
    /// The input was written to while it was read.
    case changed
    /// The command at our end of the stream exited; `code` is its status, 0 if that was too early.
    case commandExited
    /// A signal ended the command at our end of the stream; `code` is its number.
    case commandKilled
    /// Anything else; `code` says what.
    case other
  }

  /// The kind that decisions depend on.
  public let kind: Kind
  /// The kernel's errno or a command's status, for the sentence to the user; 0 if there is none.
  public let code: Int32

  /// A failure with the kernel's own number.
  public init(_ kind: Kind, code: Int32 = 0) {
    self.kind = kind
    self.code = code
  }
}

/// How the session ended, seen from here.
public enum Outcome: Equatable, Sendable {
  /// All bytes were checked and written, and both ends know it.
  case complete
  /// No connection came about within the time given; the last failure says why.
  case notConnected(Failure?)
  /// The peer's process has gone: its host closes or refuses every connection.
  case peerGone
  /// The peer's process has gone, and who answers in its place does not know the session.
  case peerReplaced
  /// Nothing was heard from the peer for the time given.
  case networkSilent
  /// Connections joined to the end of that time, and each was lost before it was of any use.
  case joinedInVain
  /// The peer would not talk to us.
  case refused(Refusal)
  /// What answered does not speak this protocol.
  case notBraid(WireError)
  /// Our input could not be read.
  case inputFailed(Failure)
  /// Our output could not be written.
  case outputFailed(Failure)
  /// Our output and the peer's source do not go together; nothing was written.
  case unfit(Misfit)
  /// What arrived does not match what was sent.
  case mismatch(String)
  /// The peer broke the protocol in a way that cannot be damage.
  case protocolViolation(String)
  /// The peer ended it, and said why.
  case peerEnded(Ending, String)
  /// A signal ended it.
  case interrupted(Int32)
}

extension Outcome {
  /// What the peer is told about it.
  var ending: Ending {
    switch self {
    case .complete: .complete
    case .inputFailed: .inputFailed
    case .outputFailed(let failure): failure.kind == .brokenPipe ? .consumerGone : .outputFailed
    case .unfit: .outputFailed
    case .mismatch: .mismatch
    case .protocolViolation: .protocolViolation
    case .interrupted: .interrupted
    case .networkSilent, .joinedInVain, .peerGone, .peerReplaced, .notConnected: .silent
    case .refused, .notBraid, .peerEnded: .internalError
    }
  }
}
