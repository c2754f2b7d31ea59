internal import Driver
internal import Transfer
internal import Wire

/// What one run of `braid bench` came to, with all that follows from it.
struct BenchFigures {
  /// One link at one end.
  struct Link {
    let side: Role
    let use: LinkUse
    /// Bits per second on the wire, headers included.
    let bitsPerSecond: Double
    /// Part of its speed, 0...1; nil where that is unknown.
    let share: Double?
  }

  /// What one side's process used.
  struct Processor {
    let secondsPerGibibyte: Double
    /// Of the elapsed time; its one thread can use 1.
    let share: Double
  }

  let result: BenchResult
  /// How the links here belong together.
  let arrangement: [String]
  let links: [Link]
  let sender: Processor?
  let receiver: Processor?
  let limit: Bottleneck
  /// The limit in some words, and what shows it.
  private let explanation: (name: String, detail: String)

  /// The limit in some words.
  var limitName: String { explanation.name }

  /// The limit as a sentence.
  var reason: String { "\(explanation.name): \(explanation.detail)" }

  /// Payload bits per second.
  var bitsPerSecond: Double { Self.bits(result.byteCount, in: result.duration) }

  /// Takes the figures out of the reports of one run, one for each direction; nil if any is missing.
  static func all(_ reports: [Report]) -> [BenchFigures]? {
    let figures = reports.enumerated().compactMap { index, report in
      // With both directions at a time, the processor works for both.
      BenchFigures(
        report,
        beside: reports.indices.first { $0 != index }.flatMap { reports[$0].bench }
      )
    }
    return figures.count == reports.count ? figures : nil
  }

  private init?(_ report: Report, beside other: BenchResult?) {
    guard let result = report.bench, result.byteCount > 0 else { return nil }
    self.result = result
    arrangement = report.arrangement
    let isSender = result.role == .sender
    // Links are counted over the whole session, at the peer too; what each carries of the measured
    // rate is its part of that.
    let rate = Self.bits(result.byteCount, in: result.duration)
    let scale = rate / Double(max(result.sessionByteCount, 1))
    func links(_ uses: [LinkUse], _ side: Role) -> [Link] {
      uses.map { use in
        let rate = Double(use.byteCount) * scale
        let share = use.bitsPerSecond.map { rate / Double($0) }
        return Link(side: side, use: use, bitsPerSecond: rate, share: share)
      }
    }
    let here = links(report.links.local, result.role)
    let there = links(report.links.remote, result.role.opposite)
    self.links = isSender ? here + there : there + here
    let own = Self.processor(
      result.processorTime,
      result.byteCount + (other?.byteCount ?? 0),
      result.duration
    )
    let peer = result.peerSessionProcessorTime.map {
      Self.processor(
        $0,
        result.sessionByteCount + (other?.sessionByteCount ?? 0),
        result.sessionDuration
      )
    }
    sender = isSender ? own : peer
    receiver = isSender ? peer : own
    let evidence = Self.evidence(result, here, there, sender, receiver)
    limit = Bottleneck(evidence)
    explanation = Self.explain(limit, evidence)
  }

  private static func bits(_ byteCount: UInt64, in duration: Duration) -> Double {
    let seconds = Figures.seconds(duration)
    return seconds > 0 ? Double(byteCount) * 8 / seconds : 0
  }

  private static func processor(
    _ time: Duration,
    _ byteCount: UInt64,
    _ elapsed: Duration
  ) -> Processor {
    let seconds = Figures.seconds(time)
    return Processor(
      secondsPerGibibyte: seconds / (Double(max(byteCount, 1)) / Double(1 << 30)),
      share: seconds / max(Figures.seconds(elapsed), 1e-9)
    )
  }

  private static func evidence(
    _ result: BenchResult,
    _ here: [Link],
    _ there: [Link],
    _ sender: Processor?,
    _ receiver: Processor?
  ) -> Bottleneck.Evidence {
    var evidence = Bottleneck.Evidence()
    let rate = bits(result.byteCount, in: result.duration)
    evidence.limitUse = result.rateLimit.map { rate / Double($0) }
    evidence.senderProcessor = sender?.share
    evidence.receiverProcessor = receiver?.share
    // Of our own process we also know how long it stood in line behind others.
    let wait = Figures.seconds(result.processorWait) / max(Figures.seconds(result.duration), 1e-9)
    if result.role == .sender {
      evidence.senderProcessor = (sender?.share ?? 0) + wait
    } else {
      evidence.receiverProcessor = (receiver?.share ?? 0) + wait
    }
    evidence.linkUse = [here, there].compactMap { links -> Double? in
      let speeds = links.compactMap { $0.use.bitsPerSecond.map(Double.init) }
      guard !links.isEmpty, speeds.count == links.count else { return nil }
      return links.map(\.bitsPerSecond).reduce(0, +) / speeds.reduce(0, +)
    }.max()
    evidence.isReceiver = result.role == .receiver
    evidence.isLocal = here.isEmpty && there.isEmpty
    // What TCP knows of the way there, only the side that sends knows.
    guard result.role == .sender, !result.connections.isEmpty else { return evidence }
    let count = Double(result.connections.count)
    let trips = result.connections.map { Figures.seconds($0.roundTrip) }
    let onItsWay = rate / 8 * trips.reduce(0, +) / count
    evidence.windowUse = onItsWay / Double(max(result.windowByteCount, 1))
    evidence.receiverLimited =
      result.connections.map(\.receiverLimited).reduce(0, +) / count
    evidence.wayUse = result.connections.map(\.busy).max()
    // Loopback has no links: what is sent again there did not fit the receiver's buffer.
    guard !here.isEmpty || !there.isEmpty else { return evidence }
    evidence.retransmissions = result.connections.map(\.retransmissions).reduce(0, +)
    return evidence
  }

  private static func explain(
    _ limit: Bottleneck,
    _ evidence: Bottleneck.Evidence
  ) -> (name: String, detail: String) {
    func percent(_ share: Double?) -> String {
      "\(Figures.decimals(min(share ?? 0, 1) * 100, 0)) %"
    }
    return switch limit {
    case .limit: ("the limit that was asked for", "\(percent(evidence.limitUse)) of --limit")
    case .senderProcessor:
      (
        "the sender's processor",
        "its thread worked, or waited for a processor, "
          + "\(percent(evidence.senderProcessor)) of the time"
      )
    case .receiverProcessor:
      (
        "the receiver's processor",
        "its thread worked, or waited for a processor, "
          + "\(percent(evidence.receiverProcessor)) of the time"
      )
    case .links:
      ("the links", "they carried \(percent(evidence.linkUse)) of what their speed allows")
    case .window:
      (
        "memory",
        "\(percent(evidence.windowUse)) of the window was on its way; try more --memory, "
          + "at both sides"
      )
    case .receiverWindow:
      (
        "the receiver's TCP window",
        "closed \(percent(evidence.receiverLimited)) of the time; "
          + "sysctl net.ipv4.tcp_rmem may be too small there"
      )
    case .network:
      (
        "the network",
        evidence.retransmissions ?? 0 > 0
          ? "\(Figures.count(evidence.retransmissions ?? 0, "segment")) were sent again"
          : "data were on their way \(percent(evidence.wayUse)) of the time, "
            + "and both sides had time to spare"
      )
    case .sendingSide:
      (
        "nothing at this side",
        "the sender's thread worked \(percent(evidence.senderProcessor)) of the "
          + "time, the receiver's \(percent(evidence.receiverProcessor)), no link was full; whether a "
          + "limit, memory or the network held the data up is told where they are sent"
      )
    case .unknown:
      (
        "none that was found",
        "the sender's thread worked \(percent(evidence.senderProcessor)) of the "
          + "time, the receiver's \(percent(evidence.receiverProcessor))"
      )
    }
  }
}
