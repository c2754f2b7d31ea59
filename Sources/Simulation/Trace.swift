/// What happened, as a hash of all steps and, if somebody reads it, as text.
///
/// The hash covers numbers only and is the same with and without a reader, so that a run for speed
/// and a run for reading are the same run.
struct Trace {
  private(set) var hash: UInt64 = 0
  let sink: (@Sendable (String) -> Void)?

  init(sink: (@Sendable (String) -> Void)?) { self.sink = sink }

  /// Adds one step; the text is only made when somebody will read it.
  mutating func note(_ time: Int64, _ code: Int, _ detail: Int, _ text: @autoclosure () -> String) {
    hash = SplitMix64.mix(hash ^ UInt64(bitPattern: time) &* 31 &+ UInt64(bitPattern: Int64(code)))
    hash = SplitMix64.mix(hash ^ UInt64(bitPattern: Int64(detail)))
    sink?("\(Self.format(time))  \(text())")
  }

  private static func format(_ time: Int64) -> String {
    let micros = time / 1000
    let fraction = String(micros % 1_000_000)
    let padding = String(repeating: "0", count: 6 - fraction.count)
    return "\(micros / 1_000_000).\(padding)\(fraction)"
  }
}
