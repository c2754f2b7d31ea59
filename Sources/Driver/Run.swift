/// Runs one transfer on the calling thread, from the first socket to the last word.
public enum Run {
  /// Runs a plan to its end.
  ///
  /// - Throws: `StartFailure` if nothing could be started.
  public static func transfer(
    _ plan: Plan,
    observer: inout some Observer
  ) throws(StartFailure) -> Report {
    throw .usage("not there yet")
  }
}
