/// How fast one connection delivers, from its acknowledgements; integers only, so that every run of
/// the simulation sees the same.
struct RateEstimator: Equatable {
  /// Bytes per second while frames were on the way; 0 until the first window is full.
  private(set) var bytesPerSecond: Int64 = 0
  private var windowStart: Instant?
  private var windowByteCount: Int64 = 0

  /// Long against the 10 ms by which acknowledgements are late, short against a link's failure.
  private static let window: Duration = .milliseconds(50)

  /// Frames are on the way from now on; time without any does not count.
  mutating func didBecomeBusy(at now: Instant) {
    windowStart = now
    windowByteCount = 0
  }

  /// So many bytes were acknowledged.
  mutating func didDeliver(_ byteCount: Int, at now: Instant) {
    guard let start = windowStart else { return }
    windowByteCount += Int64(byteCount)
    settle(from: start, at: now)
  }

  /// Looks at the clock also while nothing comes, so that a dying connection's rate falls.
  mutating func didWait(at now: Instant) {
    guard let start = windowStart, now - start >= Self.window + Self.window else { return }
    settle(from: start, at: now)
  }

  private mutating func settle(from start: Instant, at now: Instant) {
    let elapsed = now.nanoseconds - start.nanoseconds
    guard elapsed >= Self.window.inNanoseconds else { return }
    // At 2^33 bytes a window (1.4 Tbit/s) the product still fits 64 bits.
    let rate = windowByteCount * 1_000_000 / (elapsed / 1000)
    bytesPerSecond = bytesPerSecond == 0 ? rate : (bytesPerSecond * 3 + rate) / 4
    windowStart = now
    windowByteCount = 0
  }
}
