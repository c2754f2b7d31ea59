internal import Glibc
internal import Uring

/// Tries again what a process that has just died may still stand in the way of.
///
/// The kernel takes a dead process's ring apart after the process has gone. Until then the accept in
/// it keeps the port, and what was being written keeps its file open, and locked, until it is on the
/// disk. Who starts a receiver again right after it was killed comes too early.
enum Patience {
  /// Nanoseconds after which somebody who sees nothing happen asks why.
  private static let silence = 1_000_000_000

  /// Tries until it works, or fails in another way.
  ///
  /// - Parameters:
  ///   - passing: the error that may pass.
  ///   - attempts: how often it is tried, at least once.
  ///   - pause: nanoseconds between two of them, less than a second.
  ///   - waiting: called once, if it takes longer than anybody waits without asking.
  ///   - attempt: what is tried.
  /// - Returns: what the attempt that worked did.
  /// - Throws: the error of the last attempt, or another than the one that may pass.
  static func retry<Result>(
    while passing: Errno,
    attempts: Int,
    pause: Int,
    waiting: () -> Void = {},
    _ attempt: () throws(Errno) -> Result
  ) throws(Errno) -> Result {
    for count in 1..<attempts {
      if count == silence / pause { waiting() }
      do {
        return try attempt()
      } catch {
        guard error == passing else { throw error }
        var pause = timespec(tv_sec: 0, tv_nsec: pause)
        unsafe nanosleep(&pause, nil)
      }
    }
    return try attempt()
  }
}
