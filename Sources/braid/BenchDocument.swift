internal import Driver
internal import Transfer
internal import Wire

/// What `braid bench --json` prints; every key is described in Transfer.docc/Measuring.md.
struct BenchDocument {
  /// Raised when a key changes its meaning or goes away; new keys may come at any time.
  private static let format = 1

  let plan: Plan
  let peer: String
  let time: Duration
  let omit: Duration
  let runs: [BenchRun.Measured]

  /// The document, one line.
  var text: String {
    let settings: [(String, JSON)] = [
      ("time_s", .number(Figures.seconds(time))),
      ("omit_s", .number(Figures.seconds(omit))),
      ("reverse", .bool(plan.role == .receiver)),
      ("both", .bool(plan.bench?.isPaired == true)),
      ("checksum", .bool(plan.bench?.isUnchecked == false)),
      ("memory_bytes", .integer(plan.memoryByteCount)),
      ("limit_bits_per_second", .optional(plan.rateLimit, JSON.integer)),
      ("zerocopy", .string(plan.zeroCopy.rawValue)),
      ("congestion", .optional(plan.congestionControl, JSON.string)),
    ]
    let document = JSON.object([
      ("format", .integer(Self.format)),
      ("braid", .string(Braid.version)),
      ("protocol", .integer(Int(Greeting.version))),
      ("peer", .string(peer)),
      ("settings", .object(settings)),
      ("runs", .array(runs.flatMap { run in run.directions.map { Self.run(run, $0) } })),
    ])
    return document.text
  }

  private static func run(_ run: BenchRun.Measured, _ figures: BenchFigures) -> JSON {
    let result = figures.result
    return .object([
      ("connections_asked", .optional(run.asked, JSON.integer)),
      ("placed_by", .string(run.isByChance ? "chance" : "braid")),
      ("role", .string(name(result.role))),
      ("seconds", .number(Figures.seconds(result.duration))),
      ("bytes", .count(result.byteCount)),
      ("bits_per_second", .number(figures.bitsPerSecond.rounded())),
      ("frame_bytes", .integer(result.frameByteCount)),
      ("intervals", .array(result.intervals.map(interval))),
      ("connections", .array(result.connections.map { connection($0, in: result.duration) })),
      ("arrangement", .array(figures.arrangement.map(JSON.string))),
      ("links", .array(figures.links.map(link))),
      (
        "processor",
        .object([
          ("sender", .optional(figures.sender, processor)),
          ("receiver", .optional(figures.receiver, processor)),
        ])
      ),
      (
        "limit",
        .object([
          ("kind", .string(figures.limit.rawValue)), ("reason", .string(figures.reason)),
        ])
      ),
    ])
  }

  private static func interval(_ interval: BenchInterval) -> JSON {
    .object([
      ("start_s", .number(Figures.seconds(interval.start))),
      ("end_s", .number(Figures.seconds(interval.end))),
      ("omitted", .bool(interval.isOmitted)),
      ("bytes", .count(interval.byteCount)),
      ("processor_s", .number(Figures.seconds(interval.processorTime))),
      ("retransmissions", .integer(interval.retransmissions)),
      (
        "links",
        .array(
          interval.links.map {
            .object([("name", .string($0.name)), ("bytes", .count($0.byteCount))])
          }
        )
      ),
    ])
  }

  private static func connection(_ connection: BenchConnection, in duration: Duration) -> JSON {
    let bits = Double(connection.byteCount) * 8 / max(Figures.seconds(duration), 1e-9)
    return .object([
      ("local", .string(connection.local)),
      ("peer", .string(connection.peer)),
      ("local_link", .optional(connection.localLink, JSON.string)),
      ("peer_link", .optional(connection.peerLink, JSON.string)),
      ("bytes", .count(connection.byteCount)),
      ("bits_per_second", .number(bits.rounded())),
      ("retransmissions", .integer(connection.retransmissions)),
      ("round_trip_s", .number(Figures.seconds(connection.roundTrip))),
      ("congestion_window_bytes", .integer(connection.congestionWindow)),
      ("receiver_limited", .number(connection.receiverLimited)),
    ])
  }

  private static func link(_ link: BenchFigures.Link) -> JSON {
    .object([
      ("side", .string(name(link.side))),
      ("name", .string(link.use.name)),
      ("connections", .optional(link.use.connectionCount, JSON.integer)),
      ("bits_per_second", .number(link.bitsPerSecond.rounded())),
      ("speed_bits_per_second", .optional(link.use.bitsPerSecond, JSON.count)),
      ("share", .optional(link.share, JSON.number)),
    ])
  }

  private static func processor(_ used: BenchFigures.Processor) -> JSON {
    .object([
      ("seconds_per_gib", .number(used.secondsPerGibibyte)), ("share", .number(used.share)),
    ])
  }

  private static func name(_ role: Role) -> String { role == .sender ? "sender" : "receiver" }
}
