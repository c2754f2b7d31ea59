internal import CLiburing

/// SIGINT, SIGTERM and SIGHUP as something to read: the ring waits for them like for all else.
public enum Signals {
  /// Blocks the signals that end a run, ignores SIGPIPE, and returns a descriptor that delivers them.
  ///
  /// - Throws: what sigprocmask(2) or signalfd(2) say.
  public static func open() throws(Errno) -> Int32 { try check(clu_signals_open()) }

  /// Takes one signal out of the descriptor; nil if none is pending.
  public static func next(from descriptor: Int32) -> Int32? {
    let signal = clu_signals_next(descriptor)
    return signal > 0 ? signal : nil
  }
}
