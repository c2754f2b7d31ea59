internal import CLiburing

/// A shell command that runs as our child, in a process group of its own.
///
/// Its status is left with the kernel until it is closed, so that the number of its group stays its own and
/// a late signal cannot hit anybody else.
public struct ChildCommand: Sendable {
  /// How a command ended.
  public enum End: Hashable, Sendable {
    /// By itself, with this status, 0...255.
    case exited(Int32)
    /// By this signal.
    case killed(Int32)
  }

  /// Which of our descriptors becomes one of its standard streams.
  public enum Stream: Sendable {
    /// What it writes to its standard output comes out of a pipe with this end; its standard input
    /// is /dev/null.
    case output(Int32)
    /// Its standard input is this end of a pipe.
    case input(Int32)
  }

  /// Readable when the command has ended (pidfd_open(2)): for `Operation.poll`.
  public let descriptor: Int32
  private let group: Int32

  /// Starts `/bin/sh -c text`; standard error, and the stream that is not named, are ours.
  ///
  /// - Parameters:
  ///   - text: the command.
  ///   - stream: what it is connected to; the descriptor stays ours as well.
  ///   - hidden: a variable that is not in its environment.
  /// - Throws: why the shell could not be started.
  public init(_ text: String, _ stream: Stream, hiding hidden: String) throws(Errno) {
    var group: Int32 = 0
    let (input, output): (Int32, Int32) =
      switch stream {
      case .output(let end): (-1, end)
      case .input(let end): (end, -1)
      }
    descriptor = try check(unsafe clu_command_start(text, input, output, hidden, &group))
    self.group = group
  }

  /// How it ended; nil while it runs.
  public var end: End? {
    var isSignal = false
    let status = unsafe clu_command_status(descriptor, &isSignal)
    guard status >= 0 else { return nil }
    return isSignal ? .killed(status) : .exited(status)
  }

  /// Forgets the command; one that still runs goes on.
  public func close() { clu_command_close(descriptor) }

  /// Asks every process of its group to end (SIGTERM), or ends it (SIGKILL).
  public func signal(isForced: Bool) {
    // Without anybody left in the group there is nothing to end.
    _ = clu_command_signal(group, isForced)
  }
}
