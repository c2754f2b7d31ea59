internal import Driver
internal import Transfer

/// One line on a terminal that is written again and again.
struct ProgressLine {
  private struct Sample {
    let byteCount: UInt64
    let time: ContinuousClock.Instant
  }

  /// "Now" is the last second: the driver reports about four times in it.
  private static let sampleCount = 5

  private let columnCount: Int
  private var samples: [Sample] = []
  private var shownCount = 0

  /// A line for standard error; nil if that is no terminal.
  init?() {
    guard let columns = StandardError.columnCount else { return nil }
    // The last column stays free: a terminal may wrap as soon as it is written.
    columnCount = columns - 1
  }

  /// Shows the present state in place of the last one.
  mutating func show(
    _ statistics: Statistics,
    elapsed: Duration,
    at now: ContinuousClock.Instant
  ) {
    let done = statistics.writtenOffset
    samples.append(Sample(byteCount: done, time: now))
    if samples.count > Self.sampleCount { samples.removeFirst() }
    // Before the first connection there is nothing to count.
    guard statistics.joinedCount > 0 else { return }
    replace(with: text(statistics, elapsed: elapsed))
  }

  /// Takes the line off the terminal.
  mutating func clear() {
    guard shownCount > 0 else { return }
    StandardError.write("\r" + String(repeating: " ", count: shownCount) + "\r")
    shownCount = 0
  }

  private mutating func replace(with text: String) {
    let shown = String(text.prefix(columnCount))
    // Blanks instead of an escape sequence: every terminal knows them.
    let blanks = String(repeating: " ", count: max(0, shownCount - shown.count))
    StandardError.write("\r" + shown + blanks)
    shownCount = shown.count
  }

  private func text(_ statistics: Statistics, elapsed: Duration) -> String {
    let done = statistics.writtenOffset
    let moved = done - min(statistics.resumedOffset, done)
    var parts = [Figures.amount(done)]
    if let total = statistics.streamByteCount, total > 0 {
      let percent = Int(Double(done) / Double(total) * 100)
      parts[0] += " of \(Figures.amount(total)) (\(min(percent, 100)) %)"
    }
    parts.append(
      "\(presentRate) now, \(Figures.rate(bytes: moved, in: elapsed)) mean"
    )
    if let readBack = statistics.readBackByteCount {
      // Everything is written by then.
      let percent = Int(Double(readBack) / Double(max(done, 1)) * 100)
      return "\(parts[0])  reading it back: \(Figures.amount(readBack)) (\(min(percent, 100)) %)"
    }
    if let left = timeLeft(statistics, elapsed: elapsed) { parts.append("\(left) left") }
    parts.append(Figures.count(statistics.memberCount, "connection"))
    return parts.joined(separator: "  ")
  }

  private var presentRate: String {
    guard let first = samples.first, let last = samples.last, first.time < last.time else {
      return "-"
    }
    // A stream that starts over cannot be; but a difference below zero would trap.
    let moved = last.byteCount - min(first.byteCount, last.byteCount)
    return Figures.rate(bytes: moved, in: last.time - first.time)
  }

  /// From the mean rate: the present one jumps about.
  private func timeLeft(_ statistics: Statistics, elapsed: Duration) -> String? {
    let done = statistics.writtenOffset
    guard let total = statistics.streamByteCount, done > 0, total >= done else { return nil }
    let moved = max(done - min(statistics.resumedOffset, done), 1)
    let seconds = Figures.seconds(elapsed) * Double(total - done) / Double(moved)
    // A hundred hours and more are no forecast.
    return seconds < 360_000 ? Figures.clock(.seconds(seconds)) : nil
  }
}
