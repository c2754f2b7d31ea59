internal import CLiburing

/// A thread that waits in our place where a write may block for ever; one at a time in a process.
public struct Relay: Sendable {
  /// What is written here comes out in the same order; a write that finds no room fails with EAGAIN.
  public let queue: Int32
  private let thread: UInt64

  /// Begins to pass on.
  ///
  /// - Parameters:
  ///   - target: where it comes out; it stays as it is, also for those who share it.
  ///   - byteCount: how much may be on its way.
  /// - Throws: what pipe2(2) or pthread_create(3) say.
  public init(to target: Int32, byteCount: Int) throws(Errno) {
    var thread: UInt64 = 0
    queue = try check(unsafe clu_relay_open(target, Int32(byteCount), &thread))
    self.thread = thread
  }

  /// Ends it, and waits until all has come out, but not for ever.
  public func close(waiting seconds: Int) { clu_relay_close(queue, thread, Int32(seconds)) }
}
