internal import ArgumentParser
internal import Driver
internal import Transfer
internal import Wire

/// What the process tells its parent; the same on both sides where it can be.
///
/// - Source: design.md section 9; the table in README.md.
enum ExitStatus: Equatable {
  /// 0: all bytes were checked and written, and both sides know it.
  case complete
  /// 1: the transfer failed because of the peer or the network.
  case failed
  /// 2: our own input or output failed, or the consumer of our output has gone.
  case endpointFailed
  /// 3: what arrived does not match what was sent.
  case mismatch
  /// 4: no agreement with what answered: key, version, role, busy, or no braid at all.
  case refused
  /// 5: io_uring is not available.
  case ringUnavailable
  /// 64: the command line makes no sense (EX_USAGE; ArgumentParser uses it as well).
  case usage
  /// 128 + n: ended by signal n: 130 for SIGINT, 143 for SIGTERM.
  case interrupted(signal: Int32)

  /// The number for exit(3).
  var rawValue: Int32 {
    switch self {
    case .complete: 0
    case .failed: 1
    case .endpointFailed: 2
    case .mismatch: 3
    case .refused: 4
    case .ringUnavailable: 5
    case .usage: 64
    case .interrupted(let signal): 128 + signal
    }
  }

  /// What ArgumentParser takes to leave with this status.
  var exitCode: ExitCode { ExitCode(rawValue) }

  /// The status of a run that began.
  init(_ outcome: Outcome) {
    self =
      switch outcome {
      case .complete: .complete
      case .notConnected(let failure?) where failure.kind == .hungUp || failure.kind == .mute:
        .refused
      case .notConnected, .peerGone, .peerReplaced, .networkSilent, .joinedInVain,
        .protocolViolation:
        .failed
      case .refused, .notBraid: .refused
      case .inputFailed, .outputFailed, .unfit: .endpointFailed
      case .mismatch, .peerEnded(.mismatch, _): .mismatch
      case .peerEnded: .failed
      case .interrupted(let signal): .interrupted(signal: signal)
      }
  }

  /// The status of a run that did not begin.
  init(_ failure: StartFailure) {
    self =
      switch failure {
      case .ring: .ringUnavailable
      case .input, .output: .endpointFailed
      case .network: .failed
      case .usage: .usage
      }
  }
}
