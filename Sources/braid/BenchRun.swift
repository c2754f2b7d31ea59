internal import ArgumentParser
internal import Driver
internal import Glibc
internal import Transfer
internal import Wire

/// The runs of one `braid bench`, from the checked command line to the exit status.
struct BenchRun {
  /// One run and how it was asked for.
  struct Measured {
    let asked: Int?
    var isByChance = false
    /// One, or with --both two, of which this side sends in the first.
    let directions: [BenchFigures]

    /// The direction that was asked for.
    var figures: BenchFigures { directions[0] }
  }

  private let plan: Plan
  private let sentences: Sentences
  private let messages: MessageOptions
  private let measuring: MeasuringOptions
  private let warnings: [String]
  private let text: BenchText

  /// A listener is busy until it has heard the last run's end: a moment, or as long as somebody else
  /// measures.
  private static let busyPatience = 20
  private static let busyPause: UInt32 = 100_000

  /// Reads the key.
  ///
  /// - Throws: `ExitCode` after a sentence on standard error.
  init(
    _ plan: Plan,
    _ keyFile: String?,
    _ messages: MessageOptions,
    _ measuring: MeasuringOptions
  ) throws {
    var plan = plan
    let sentences = Sentences(plan: plan)
    plan.describe = { outcome in sentences.cause(outcome) }
    do {
      let key = try PreSharedKey.load(path: keyFile)
      plan.authenticator = key?.authenticator
      warnings = key?.warnings ?? []
    } catch {
      StandardError.write("braid: \(error.text).\n")
      throw ExitStatus.usage.exitCode
    }
    self.plan = plan
    self.sentences = sentences
    self.messages = messages
    self.measuring = measuring
    text = BenchText(showsBytes: measuring.bytes)
  }

  // MARK: The side that dials

  /// Measures with each number of connections in turn, and reports.
  ///
  /// - Throws: `ExitCode` for every end but the good one, after a sentence on standard error.
  func measure() throws {
    let observer = BenchObserver(sentences, messages, measuring.json ? nil : text)
    for warning in warnings { observer.reporter.say(warning) }
    let runs = try measuring.table ? table(observer) : series(observer)
    observer.reporter.finish()
    if measuring.json {
      let document = BenchDocument(
        plan: plan,
        peer: sentences.place,
        time: measuring.measuredTime,
        omit: measuring.omittedTime,
        runs: runs
      )
      try Braid.print(document.text)
    } else if measuring.table {
      try show(BenchTable(runs, text).lines)
    } else if runs.count > 1 {
      try show(text.table(runs))
    }
  }

  private func series(_ observer: BenchObserver) throws -> [Measured] {
    let counts = measuring.connections?.all ?? [ConnectionCount(number: nil)]
    return try counts.map { try one($0.number, isByChance: false, observer) }
  }

  /// One connection; then, if there are several links, one for each, by chance and placed.
  private func table(_ observer: BenchObserver) throws -> [Measured] {
    let single = try one(1, isByChance: false, observer)
    let count = min(BenchTable.linkCount(single.figures), Limits.connectionsPerSession)
    guard count > 1 else { return [single] }
    return [
      single,
      try one(count, isByChance: true, observer),
      try one(count, isByChance: false, observer),
    ]
  }

  private func one(
    _ count: Int?,
    isByChance: Bool,
    _ observer: BenchObserver
  ) throws -> Measured {
    var plan = plan
    plan.connectionCount = count
    plan.leavesLinksToChance = isByChance
    let directions = try one(plan, observer)
    observer.forget()
    if !measuring.json { try show(text.lines(directions)) }
    return Measured(asked: count, isByChance: isByChance, directions: directions)
  }

  private func one(_ plan: Plan, _ observer: BenchObserver) throws -> [BenchFigures] {
    var reports: [Report] = []
    for attempt in 0...Self.busyPatience {
      if attempt > 0 { usleep(Self.busyPause) }
      do {
        reports = try Run.measure(plan, observer: observer)
      } catch {
        throw leave("\(error)", ExitStatus(error), observer)
      }
      if reports.first?.outcome != .refused(.busy) { break }
    }
    let outcome = reports.first?.outcome ?? .refused(.busy)
    guard outcome == .complete else {
      let words = [sentences.cause(outcome) + ".", sentences.advice(outcome)].compactMap(\.self)
      throw leave(words.joined(separator: " "), ExitStatus(outcome), observer)
    }
    guard let figures = BenchFigures.all(reports) else {
      throw leave("nothing arrived in the measured time.", .failed, observer)
    }
    return figures
  }

  private func leave(
    _ words: String,
    _ status: ExitStatus,
    _ observer: BenchObserver
  ) -> ExitCode {
    observer.reporter.finish()
    StandardError.write("braid: \(words)\n")
    return status.exitCode
  }

  // MARK: The side that listens

  /// Measures with whoever dials, until a signal comes.
  ///
  /// - Throws: `ExitCode`, since only a signal or a failure ends it.
  func serve() throws {
    let observer = BenchObserver(sentences, messages, nil)
    for warning in warnings { observer.reporter.say(warning) }
    observer.reporter.say("waiting at \(sentences.place)")
    var last = Outcome.complete
    do {
      try Run.serve(plan, observer: observer) { reports in
        last = reports[0].outcome
        ended(reports, observer)
      }
    } catch {
      throw leave("\(error)", ExitStatus(error), observer)
    }
    throw leave(sentences.cause(last) + ".", ExitStatus(last), observer)
  }

  private func ended(_ reports: [Report], _ observer: BenchObserver) {
    observer.forget()
    switch reports[0].outcome {
    case .complete:
      // Whoever comes next measures all the same.
      if !messages.quiet, let figures = BenchFigures.all(reports) { try? show(text.lines(figures)) }
    case .interrupted:
      break
    default:
      observer.reporter.say(sentences.cause(reports[0].outcome))
    }
  }

  private func show(_ lines: [String]) throws {
    try Braid.print(lines.joined(separator: "\n"))
  }
}

/// Passes messages on to a reporter, and prints each stretch when it is over.
final class BenchObserver: Observer {
  let reporter: Reporter
  private let text: BenchText?
  private let isQuiet: Bool
  /// Of a pair, stretches of one direction that wait for those of the other.
  private var waiting: [BenchInterval] = []

  /// Prepares to speak; without a text nothing is printed but messages.
  init(_ sentences: Sentences, _ messages: MessageOptions, _ text: BenchText?) {
    reporter = Reporter(sentences, messages, allowsProgress: false)
    self.text = text
    isQuiet = messages.quiet
  }

  func prepared(_ detail: String) { reporter.prepared(detail) }

  func delayed(_ reason: String, patience: Duration) {
    reporter.delayed(reason, patience: patience)
  }

  func advised(_ sentence: String, costsLinks: Bool) {
    reporter.advised(sentence, costsLinks: costsLinks)
  }

  func noticed(_ notice: Notice, peer: String?) { reporter.noticed(notice, peer: peer) }

  func progressed(_ statistics: Statistics, elapsed: Duration) {
    reporter.progressed(statistics, elapsed: elapsed)
  }

  func measured(_ interval: BenchInterval) {
    guard let text, !isQuiet else { return }
    guard interval.isPaired else { return show([interval], text) }
    guard let other = waiting.first, other.role != interval.role else {
      return waiting.append(interval)
    }
    waiting.removeFirst()
    show(interval.role == .sender ? [interval, other] : [other, interval], text)
  }

  /// If it cannot be printed, the figures at the end cannot either, and that is an error.
  private func show(_ stretch: [BenchInterval], _ text: BenchText) {
    try? StandardOutput.write(text.line(stretch) + "\n")
  }

  /// The run is over: what still waits has no other half.
  func forget() { waiting = [] }
}
