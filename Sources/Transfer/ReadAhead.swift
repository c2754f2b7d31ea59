/// How many full frames wait for a connection: as few as keep all of them busy.
///
/// What is used again soon is still in the processor's cache, and memory that is never used is never
/// made real. But a source that pauses is bridged by what was read ahead: as soon as one has drained
/// that, twice as much is read ahead. A source that is slower than the links never fills it.
struct ReadAhead: Equatable {
  /// Nothing more is read while so many full frames wait.
  private(set) var frameCount: Int
  /// Whether so many have waited since the number was last changed.
  private var wasReached = false
  /// Since when a connection has been waiting for the input.
  private var drySince: Instant?

  /// Starts with as little as can be.
  init(frameByteCount: Int) {
    frameCount = max(Limits.readAheadByteCount / frameByteCount, Limits.readAheadFrameCount)
  }

  /// Whether more is to be read where so many full frames wait.
  mutating func wantsMore(than readyCount: Int) -> Bool {
    if readyCount < frameCount { return true }
    wasReached = true
    return false
  }

  /// A connection could send a frame, and there is none.
  mutating func didRunDry(at now: Instant) { drySince = drySince ?? now }

  /// A connection was given a frame.
  mutating func didServe(at now: Instant) {
    guard let since = drySince else { return }
    drySince = nil
    guard wasReached, now - since >= Limits.dryTooLong else { return }
    wasReached = false
    frameCount = min(frameCount * 2, Limits.slotCountMaximum)
  }
}
