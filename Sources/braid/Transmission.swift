internal import ArgumentParser
internal import Driver
internal import Glibc
internal import Transfer
internal import Wire

/// One run of `send` or `receive`, from the checked command line to the exit status.
struct Transmission {
  private let plan: Plan
  private let sentences: Sentences
  private let messages: MessageOptions
  private let warnings: [String]

  /// Reads the key and settles the texts.
  ///
  /// - Throws: `ExitCode` after a sentence on standard error.
  init(_ plan: Plan, _ connecting: ConnectingOptions, _ messages: MessageOptions) throws {
    var plan = plan
    let sentences = Sentences(plan: plan)
    plan.hiddenVariable = PreSharedKey.variable
    plan.describe = { outcome in sentences.cause(outcome) }
    var warnings: [String] = []
    do {
      if let key = try PreSharedKey.load(path: connecting.keyFile) {
        plan.authenticator = key.authenticator
        warnings = key.warnings
      } else if case .listen = plan.opening {
        let deed = plan.role == .sender ? "receive" : "send"
        warnings = [
          "no key: whoever reaches \(sentences.place) first may \(deed). `braid key` makes one"
        ]
      }
    } catch {
      StandardError.write("braid: \(error.text).\n")
      throw ExitStatus.usage.exitCode
    }
    self.plan = plan
    self.sentences = sentences
    self.messages = messages
    self.warnings = warnings
  }

  /// Carries the stream and reports.
  ///
  /// - Throws: `ExitCode` for every end but the good one, after a sentence on standard error.
  func run() throws {
    let reporter = Reporter(sentences, messages, allowsProgress: !isDataOnTerminal)
    try checkStandardStreams()
    reporter.warnings = warnings
    let report: Report
    do {
      report = try Run.transfer(plan, observer: reporter)
    } catch {
      reporter.finish()
      StandardError.write("braid: \(error)\n")
      throw ExitStatus(error).exitCode
    }
    reporter.finish()
    if messages.verbose { tellCost(report, reporter) }
    guard report.outcome == .complete else {
      StandardError.write("braid: \(lastWords(report))\n")
      throw ExitStatus(report.outcome).exitCode
    }
    reporter.say(summary(report))
    reporter.add(LinkTable(report, role: plan.role).lines)
    if let sentence = sentences.idle(report.idleLinks) { reporter.say(sentence) }
  }

  /// A stream that was closed (`<&-`) cannot be carried; better said now than after the connection.
  private func checkStandardStreams() throws {
    let isSender = plan.role == .sender
    let descriptor = isSender ? STDIN_FILENO : STDOUT_FILENO
    guard plan.endpoint == .standard, StandardStreams.closed.contains(descriptor) else { return }
    let (name, option) = isSender ? ("input", "--input") : ("output", "--output")
    StandardError.write("braid: standard \(name) is closed. Open it, or give \(option) PATH.\n")
    throw ExitStatus.endpointFailed.exitCode
  }

  /// Whether the terminal shows the stream itself, which a progress line would spoil.
  private var isDataOnTerminal: Bool {
    plan.endpoint == .standard
      && isatty(plan.role == .sender ? STDIN_FILENO : STDOUT_FILENO) == 1
  }

  private func lastWords(_ report: Report) -> String {
    var words = sentences.cause(report.outcome) + "."
    if report.statistics.joinedCount > 0 {
      words += " " + sentences.progress(report.statistics)
    }
    if let advice = sentences.advice(report.outcome) { words += " " + advice }
    return words
  }

  /// "sent 2.00 GiB (2147483648 bytes) in 1.53 s, 11.2 Gbit/s, 4 connections".
  private func summary(_ report: Report) -> String {
    let statistics = report.statistics
    let verb = plan.role == .sender ? "sent" : "received"
    var parts = [
      "\(verb) \(Figures.exactAmount(statistics.writtenOffset)) in \(Figures.time(report.elapsed))",
      Figures.rate(bytes: statistics.writtenOffset - statistics.resumedOffset, in: report.elapsed),
      Figures.count(statistics.memberPeak, "connection"),
    ]
    if statistics.resumedOffset > 0 {
      parts.append("\(Figures.amount(statistics.resumedOffset)) of them before")
    }
    if statistics.zeroByteCount > 0 {
      parts.append("\(Figures.amount(statistics.zeroByteCount)) of zeros not sent")
    }
    if statistics.readBackByteCount != nil {
      parts.append(report.isReadBackBuffered ? "read back through the page cache" : "read back")
    }
    let odd: [(Int, noun: String, participle: String)] = [
      (statistics.lostCount, "connection", "lost"),
      (statistics.resentFrameCount, "frame", "sent again"),
      (statistics.damagedFrameCount, "frame", "damaged"),
      (statistics.turnedAwayCount, "stranger", "turned away"),
    ]
    for (count, noun, participle) in odd where count > 0 {
      parts.append("\(Figures.count(count, noun)) \(participle)")
    }
    return parts.joined(separator: ", ")
  }

  private func tellCost(_ report: Report, _ reporter: Reporter) {
    let statistics = report.statistics
    reporter.say(
      """
      \(Figures.decimals(Figures.seconds(report.processorTime), 3)) s of processor time, \
      \(Figures.amount(UInt64(max(0, report.residentPeakByteCount)))) resident at most
      """
    )
    reporter.say(
      """
      \(report.operationCount) operations in \(report.enterCount) calls of io_uring_enter, \
      \(Figures.count(statistics.frameCount, "frame"))
      """
    )
    if statistics.zeroCopySendCount > 0 {
      reporter.say(
        """
        \(statistics.zeroCopySendCount) zero-copy sends, of which the kernel copied \
        \(statistics.copiedSendCount)
        """
      )
    }
  }
}
