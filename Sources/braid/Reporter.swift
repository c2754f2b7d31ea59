internal import Driver
internal import Transfer

/// Tells the user on standard error what a run does: messages, and a progress line on a terminal.
final class Reporter: Observer {
  private let sentences: Sentences
  private let isQuiet: Bool
  private let isVerbose: Bool
  private let start: ContinuousClock.Instant
  private var progress: ProgressLine?
  private var gate: MessageGate
  private var hasSaidDialFailure = false
  private var hasStarted = false
  private var hasAdvised = false
  /// What is said once all is prepared: of a run that cannot start, only the reason is of interest.
  var warnings: [String] = []
  /// Of several hosts that were named, those that have joined or of whose silence was told.
  private var knownPeers: Set<String> = []

  /// Prepares to speak about the plan.
  ///
  /// - Parameters:
  ///   - sentences: they know the plan.
  ///   - messages: how much the user wants to hear.
  ///   - allowsProgress: false where the terminal shows the data themselves.
  init(_ sentences: Sentences, _ messages: MessageOptions, allowsProgress: Bool) {
    self.sentences = sentences
    isQuiet = messages.quiet
    isVerbose = messages.verbose
    start = .now
    gate = MessageGate(limit: messages.verbose ? 50 : 4, at: start)
    progress = allowsProgress && !isQuiet ? ProgressLine() : nil
  }

  func prepared(_ detail: String) {
    for warning in warnings { say(warning) }
    warnings = []
    if isVerbose { say(detail) }
  }

  func delayed(_ reason: String, patience: Duration) {
    say("\(reason) Trying for \(Figures.limit(patience)).")
  }

  func advised(_ sentence: String, costsLinks: Bool) {
    guard isVerbose || costsLinks && !hasAdvised else { return }
    hasAdvised = hasAdvised || costsLinks
    say(sentence)
  }

  func noticed(_ notice: Notice, peer: String?) {
    guard isWorthSaying(notice, peer) else { return }
    if gate.admits(at: .now) {
      say(sentences.sentence(notice, peer: peer) + remark(on: notice))
    }
  }

  func progressed(_ statistics: Statistics, elapsed: Duration) {
    tellSuppressed()
    progress?.show(statistics, elapsed: elapsed, at: .now)
  }

  /// Takes the progress line away, so that last words stand on a line of their own.
  func finish() {
    gate.close()
    tellSuppressed()
    progress?.clear()
    progress = nil
  }

  /// Prints a line of its own, unless --quiet.
  func say(_ text: String) {
    guard !isQuiet else { return }
    progress?.clear()
    StandardError.write(isVerbose ? "\(stamp) \(text)\n" : "braid: \(text)\n")
  }

  /// Prints lines that belong to the one before, unless --quiet.
  func add(_ lines: [String]) {
    guard !isQuiet else { return }
    for line in lines { StandardError.write(line + "\n") }
  }

  private func tellSuppressed() {
    if let count = gate.takeSuppressed(at: .now) {
      say("\(Figures.count(count, "more message")) like these")
    }
  }

  /// "[   1.234]", seconds since the start.
  private var stamp: String {
    let text = Figures.decimals(Figures.seconds(start.duration(to: .now)), 3)
    return "[" + String(repeating: " ", count: max(0, 8 - text.count)) + text + "]"
  }

  private func isFirstWord(ofMissing peer: String?) -> Bool {
    guard let peer, sentences.isOneOfSeveral else { return false }
    return knownPeers.insert(peer).inserted
  }

  private func isWorthSaying(_ notice: Notice, _ peer: String?) -> Bool {
    if isVerbose { return true }
    if case .joined = notice, let peer, sentences.isOneOfSeveral { knownPeers.insert(peer) }
    switch notice {
    case .started:
      hasStarted = true
      return false
    case .lost(_, reason: .surplus, resent: _): return false
    case .resumed, .lost, .damagedFrame, .turnedAway, .disconnected: return true
    case .joined, .sounded, .gathered, .idleLinks, .readingBack: return false
    case .dialFailed:
      // Later on, `lost` has told enough, but of a host that was named and never answered.
      if hasStarted { return isFirstWord(ofMissing: peer) }
      // Before the start it tells why nothing happens, once.
      defer { hasSaidDialFailure = true }
      return !hasSaidDialFailure && sentences.plan.wait > .zero
    }
  }

  private func remark(on notice: Notice) -> String {
    guard !isVerbose, !hasStarted, case .dialFailed = notice else { return "" }
    return "; trying for \(Figures.limit(sentences.plan.wait))"
  }
}

/// Lets a few messages a second through and counts the others.
///
/// Whoever can reach the port can cause messages; they must not cost more than their reading.
struct MessageGate {
  /// Messages that pass in one second.
  private let limit: Int
  private var windowStart: ContinuousClock.Instant
  private var admittedCount = 0
  private var suppressedCount = 0
  private var isClosed = false

  /// Starts counting.
  init(limit: Int, at now: ContinuousClock.Instant) {
    self.limit = limit
    windowStart = now
  }

  /// Whether a message may be shown now; it is counted if not.
  mutating func admits(at now: ContinuousClock.Instant) -> Bool {
    if now - windowStart >= .seconds(1), suppressedCount == 0 {
      windowStart = now
      admittedCount = 0
    }
    guard admittedCount < limit else {
      suppressedCount += 1
      return false
    }
    admittedCount += 1
    return true
  }

  /// How many were not shown in the second that is over; nil while it lasts, or for none.
  mutating func takeSuppressed(at now: ContinuousClock.Instant) -> Int? {
    guard suppressedCount > 0, isClosed || now - windowStart >= .seconds(1) else { return nil }
    defer {
      suppressedCount = 0
      admittedCount = 0
      windowStart = now
    }
    return suppressedCount
  }

  /// The run is over: what is left is told at once.
  mutating func close() { isClosed = true }
}
