/// How fast one connection delivers, from its acknowledgements; integers only, so that every run of
/// the simulation sees the same.
struct RateEstimator: Equatable {
  /// Bytes per second while frames were on the way; 0 until the first window is full.
  private(set) var bytesPerSecond: Int64 = 0
  /// Since when frames have been on the way without a break, or since the last window.
  private var busySince: Instant?
  /// Of the present window: time with frames on the way before that, and what was delivered.
  private var busyTime: Duration = .zero
  private var windowByteCount: Int64 = 0
  /// One frame is on the way to find the rate anew.
  private var isTrial = false

  /// Long against the 10 ms by which acknowledgements are late, short against a link's failure.
  private static let shortestWindow: Duration = .milliseconds(50)
  /// No shorter than a round trip: where memory is less than what a path takes in, everything leaves in
  /// one go, comes in one go, and nothing comes until the next one.
  private var window = shortestWindow

  /// Takes in how long an answer takes at least.
  mutating func didMeasure(roundTrip: Duration) {
    window = max(Self.shortestWindow, min(roundTrip, Limits.horizonMaximum))
  }

  /// Frames are on the way from now on; time without any does not count.
  mutating func didBecomeBusy(isTrial: Bool = false, at now: Instant) {
    busySince = now
    self.isTrial = isTrial
    guard isTrial else { return }
    busyTime = .zero
    windowByteCount = 0
  }

  /// So many bytes were acknowledged; `isIdle`: nothing more is on the way.
  ///
  /// A fast connection among slow ones is never busy for long: several short times make one window.
  mutating func didDeliver(_ byteCount: Int, isIdle: Bool, at now: Instant) {
    guard let start = busySince else { return }
    windowByteCount += Int64(byteCount)
    if isTrial, isIdle {
      // What was thought before may have been learnt from small frames, or from a path that was bad.
      bytesPerSecond = Self.rate(windowByteCount, in: max(now - start, .microseconds(1)))
    }
    settle(after: busyTime + (now - start), at: now)
    guard isIdle, let start = busySince else { return }
    busyTime += now - start
    busySince = nil
  }

  /// Looks at the clock also while nothing comes, so that a dying connection's rate falls.
  mutating func didWait(at now: Instant) {
    guard !isTrial, let start = busySince, busyTime + (now - start) >= window + window
    else {
      return
    }
    settle(after: busyTime + (now - start), at: now)
  }

  private mutating func settle(after elapsed: Duration, at now: Instant) {
    guard elapsed >= window else { return }
    let rate = Self.rate(windowByteCount, in: elapsed)
    bytesPerSecond = bytesPerSecond == 0 ? rate : (bytesPerSecond * 3 + rate) / 4
    busySince = now
    busyTime = .zero
    windowByteCount = 0
  }

  private static func rate(_ byteCount: Int64, in time: Duration) -> Int64 {
    // At 2^33 bytes a window (1.4 Tbit/s) the product still fits 64 bits.
    byteCount * 1_000_000 / (time.inNanoseconds / 1000)
  }
}
