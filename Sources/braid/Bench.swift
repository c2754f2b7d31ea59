internal import ArgumentParser
internal import Driver
internal import Transfer
internal import Wire

/// `braid bench`.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure what the network carries, from memory to memory.",
    usage: """
      braid bench --listen [[ADDRESS:]PORT] [options]
      braid bench HOST[:PORT] ... [options]
      """,
    discussion: """
      Examples:

        braid bench --listen                        there, until Ctrl-C
        braid bench newserver                       here: 10 s, this side sends
        braid bench newserver --reverse             the other side sends
        braid bench newserver --both                both at the same time
        braid bench newserver --connections 1,4,8   several numbers, and a table
        braid bench newserver --table               one link, chance, all links
        braid bench newserver --json > result.json  the figures for a program

      Everybody who reaches the port may measure; --key-file restricts it.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Where the other side listens (port: 27243). With --listen: where to listen.",
      valueName: "HOST[:PORT]"
    )
  )
  var places: [String] = []

  @Flag(help: "Wait for others to measure with, one after the other, until interrupted.")
  var listen = false

  @OptionGroup(title: "Measuring")
  var measuring: MeasuringOptions

  @OptionGroup(title: "Connecting")
  var connecting: BenchConnectingOptions

  @OptionGroup(title: "Performance")
  var performance: PerformanceOptions

  @OptionGroup(title: "Performance")
  var limiting: LimitOptions

  @OptionGroup(title: "Performance")
  var copying: CopyOptions

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  func validate() throws {
    _ = try opening()
    if listen {
      let dialling =
        measuring.given + connecting.given + (limiting.limit == nil ? [] : ["--limit"])
      if let name = dialling.first {
        throw ValidationError("\(name) belongs to the side that dials; this one listens")
      }
    }
    if limiting.limit != nil, measuring.reverse {
      throw ValidationError("--limit holds back what this side sends; leave --reverse out")
    }
    try measuring.check()
    try performance.check()
  }

  func run() throws {
    let isReceiver = listen || measuring.reverse
    var plan = Plan(role: isReceiver ? .receiver : .sender, opening: try opening())
    plan.bench = try measuring.bench()
    plan.rateLimit = limiting.limit
    plan.zeroCopy = copying.zerocopy
    connecting.apply(to: &plan)
    performance.apply(to: &plan)
    let run = try BenchRun(plan, connecting.keyFile, messages, measuring)
    try listen ? run.serve() : run.measure()
  }

  private func opening() throws -> Plan.Opening {
    guard listen else {
      guard !places.isEmpty else {
        throw ValidationError(
          "name the other side (braid bench HOST), where `braid bench --listen` runs"
        )
      }
      return .dial(try places.map(Arguments.host))
    }
    guard places.count <= 1 else { throw ValidationError("listen at one place only") }
    return try places.first.map(Arguments.listener)
      ?? .listen(address: nil, port: Arguments.defaultPort)
  }
}

/// What is measured, for how long, and how it is shown.
struct MeasuringOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How long to measure, in seconds, 0.1 to 3600. (default: 10)",
      valueName: "SECONDS"
    ),
    transform: Arguments.seconds
  )
  var time: Duration?

  @Option(
    help: ArgumentHelp(
      "How long to run before that, not counted, 0 to 60. (default: 1)",
      valueName: "SECONDS"
    ),
    transform: Arguments.seconds
  )
  var omit: Duration?

  @Option(
    help: ArgumentHelp(
      "How many connections, 1 to 256; auto: as many as the links need. Several with commas are "
        + "measured in turn. (default: auto)",
      valueName: "N,..."
    ),
    transform: MeasuringOptions.counts
  )
  var connections: ConnectionCounts?

  @Flag(
    help: ArgumentHelp(
      "One connection; one per link, placed by chance; one per link, placed by braid; and what "
        + "follows."
    )
  )
  var table = false

  @Flag(help: "The other side sends.")
  var reverse = false

  @Flag(
    help: ArgumentHelp(
      "Both sides send at the same time; connections and time are those of each direction."
    )
  )
  var both = false

  @Flag(help: "Compute and compare checksums of all data, as transfers do.")
  var checksum = false

  @Flag(help: "MiB/s in place of bits per second.")
  var bytes = false

  @Flag(help: "Print one JSON document at the end, and nothing else.")
  var json = false

  /// Names of those that were given and mean nothing to a listener.
  var given: [String] {
    [
      ("--time", time != nil), ("--omit", omit != nil), ("--connections", connections != nil),
      ("--table", table), ("--reverse", reverse), ("--both", both), ("--checksum", checksum),
      ("--json", json),
    ].filter(\.1).map(\.0)
  }

  var measuredTime: Duration { time ?? .seconds(10) }
  var omittedTime: Duration { omit ?? .seconds(1) }

  static func counts(_ text: String) throws -> ConnectionCounts {
    let counts = try text.split(separator: ",", omittingEmptySubsequences: false).map {
      try Arguments.connectionCount(String($0))
    }
    return ConnectionCounts(all: counts)
  }

  /// What the types cannot say.
  func check() throws {
    guard measuredTime >= .milliseconds(100), measuredTime <= .seconds(3600) else {
      throw ValidationError("--time: must be 0.1 to 3600 seconds")
    }
    guard omittedTime <= .seconds(60) else {
      throw ValidationError("--omit: must be 0 to 60 seconds")
    }
    if table, reverse {
      throw ValidationError("--table measures what this side sends; leave --reverse out")
    }
    if both, reverse { throw ValidationError("give either --both or --reverse, not both") }
    if both, table {
      throw ValidationError("--table measures what this side sends; leave --both out")
    }
    if table, connections != nil {
      throw ValidationError("--table chooses the numbers of connections itself")
    }
    let range = 1...Limits.connectionsPerSession
    for count in connections?.all ?? [] {
      guard let number = count.number, !range.contains(number) else { continue }
      throw ValidationError("--connections \(number): must be 1 to \(range.upperBound)")
    }
  }

  /// What goes over the wire.
  func bench() throws -> Options.Bench {
    let omitted = UInt32((Figures.seconds(omittedTime) * 1000).rounded())
    let measured = UInt32((Figures.seconds(measuredTime) * 1000).rounded())
    guard let time = BenchTime(total: omitted + measured, omitted: omitted) else {
      throw ValidationError("--time and --omit make no sense together")
    }
    return Options.Bench(time: time, isUnchecked: !checksum, isPaired: both)
  }
}

/// What --connections of `braid bench` says.
struct ConnectionCounts: Equatable {
  var all: [ConnectionCount]
}

/// How the sides of `braid bench` find and trust each other.
struct BenchConnectingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Start connections from this address or interface. May be given several times: each is a "
        + "path.",
      valueName: "ADDRESS|INTERFACE"
    )
  )
  var bind: [String] = []

  @Option(
    help: ArgumentHelp(
      "TCP's congestion control, such as cubic or bbr; what counts is that of the sender. "
        + "(default: the system's)",
      valueName: "NAME"
    )
  )
  var congestion: String?

  @Option(
    help: ArgumentHelp(
      "How long to try to reach the other side, in seconds; 0 tries once. (default: 30)",
      valueName: "SECONDS"
    ),
    transform: Arguments.seconds
  )
  var wait: Duration?

  @Option(
    help: ArgumentHelp(
      "Talk only to a side that has the same key. The variable BRAID_KEY does the same; "
        + "`braid key` makes one.",
      valueName: "PATH"
    )
  )
  var keyFile: String?

  /// Names of those that were given and mean nothing to a listener.
  var given: [String] {
    [("--bind", !bind.isEmpty), ("--wait", wait != nil)].filter(\.1).map(\.0)
  }

  /// Puts what was given into the plan.
  func apply(to plan: inout Plan) {
    plan.bindings = bind
    plan.congestionControl = congestion
    plan.wait = wait ?? plan.wait
  }
}
