public import Transfer
internal import Uring

extension Failure {
  /// What the kernel calls it, such as "No space left on device (ENOSPC)"; nil without an errno.
  public var text: String? {
    if code == 0 || kind == .commandExited || kind == .commandKilled { return nil }
    return Errno(code).description
  }

  /// Sorts an error number by what decisions depend on.
  init(_ error: Errno) {
    let kind: Kind =
      switch error {
      case .connectionReset, .connectionAborted: .reset
      case .connectionRefused: .refused
      case .timedOut: .timedOut
      case .networkUnreachable, .hostUnreachable: .unreachable
      case .brokenPipe: .brokenPipe
      case .noSpace, .quotaExceeded, .fileTooLarge: .noSpace
      case .cancelled, .interrupted: .cancelled
      case .noMemory, .noBuffers: .noBuffers
      case .notSupported, .invalid: .notSupported
      case .addressInUse, .addressNotAvailable: .addressInUse
      default: .other
      }
    self.init(kind, code: error.number)
  }
}
