/// When the next frame may start, so that payload leaves no faster than the user allows.
///
/// Each frame moves the next one back by the time that it takes at that rate. Whoever was held up may
/// make up for `Limits.paceStep` and no more, so over any time no more than rate x time goes out, and
/// what one step and one frame come to.
struct Pace: Equatable {
  private let bitsPerSecond: Int64
  /// No frame starts before this.
  private(set) var nextAt = Instant(nanoseconds: 0)
  /// Whether the last frame came too late to make up for the delay.
  private var wasHeldUp = false

  init(bitsPerSecond: Int) { self.bitsPerSecond = Int64(bitsPerSecond) }

  /// The largest frame that takes no longer than a step, or the smallest that there is.
  static func frameByteCount(bitsPerSecond: Int) -> Int {
    let milliseconds = Int(Limits.paceStep.inNanoseconds / 1_000_000)
    return max(bitsPerSecond / 8000 * milliseconds & ~4095, 4096)
  }

  func allowsFrame(at now: Instant) -> Bool { now >= nextAt }

  /// Whether something else is in the way: frames go out later than the limit would have them.
  func isBehind(at now: Instant) -> Bool { wasHeldUp || now - nextAt > Limits.paceStep }

  /// Takes in that a frame with so much payload starts.
  mutating func didStart(byteCount: Int, at now: Instant) {
    let earliest = now + (.zero - Limits.paceStep)
    wasHeldUp = nextAt < earliest
    // At 1 MiB the product is 2^53; rounded up, so that the limit is never exceeded.
    let time = (Int64(byteCount) * 8_000_000_000 + bitsPerSecond - 1) / bitsPerSecond
    nextAt = max(nextAt, earliest) + .nanoseconds(time)
  }
}
