public import ArgumentParser
internal import Driver
public import Transfer
internal import Wire

/// How the two sides find and trust each other.
struct ConnectingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Listen here, and let the other side dial. A receiver listens on 27243 by itself.",
      valueName: "[ADDRESS:]PORT"
    ),
    transform: Arguments.listener
  )
  var listen: Plan.Opening?

  @Option(
    help: ArgumentHelp(
      "How many connections to open, 1 to 256; on the side that dials. auto: as many as the links "
        + "need. (default: auto)",
      valueName: "N|auto"
    ),
    transform: Arguments.connectionCount
  )
  var connections: ConnectionCount?

  @Option(
    help: ArgumentHelp(
      "Never more than this, 1 to 256. (default: 64)",
      valueName: "N"
    )
  )
  var maxConnections: Int?

  @Option(
    help: ArgumentHelp(
      "Start connections from this address or interface; on the side that dials. May be given "
        + "several times: each is a path.",
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
      "How long to wait for a network that went silent, in seconds. (default: 60)",
      valueName: "SECONDS"
    ),
    transform: Arguments.seconds
  )
  var giveUp: Duration?

  @Option(
    help: ArgumentHelp(
      "When to replace a connection that gets no answer, in seconds. (default: 3)",
      valueName: "SECONDS"
    ),
    transform: Arguments.seconds
  )
  var deadAfter: Duration?

  @Option(
    help: ArgumentHelp(
      "Talk only to a side that has the same key. The variable BRAID_KEY does the same; "
        + "`braid key` makes one.",
      valueName: "PATH"
    )
  )
  var keyFile: String?

  /// What the types cannot say.
  func check(isListening: Bool) throws {
    let dialling = [
      ("--connections", connections != nil), ("--wait", wait != nil), ("--bind", !bind.isEmpty),
    ]
    if isListening, let (name, _) = dialling.first(where: { $0.1 }) {
      throw ValidationError("\(name) belongs to the side that dials; this one listens")
    }
    let range = 1...Limits.connectionsPerSession
    if let maxConnections, !range.contains(maxConnections) {
      throw ValidationError(
        "--max-connections \(maxConnections): must be 1 to \(range.upperBound)"
      )
    }
    if let count = connections?.number {
      guard range.contains(count) else {
        throw ValidationError("--connections \(count): must be 1 to \(range.upperBound)")
      }
      if let maxConnections, count > maxConnections {
        throw ValidationError(
          "--connections \(count) is more than --max-connections \(maxConnections)"
        )
      }
    }
    if let deadAfter, deadAfter < Limits.heartbeatInterval {
      // An idle connection has nothing to answer between two heartbeats.
      throw ValidationError("--dead-after: must be at least 1 second")
    }
  }

  /// Puts what was given into the plan.
  func apply(to plan: inout Plan) {
    plan.connectionCount = connections?.number
    plan.connectionLimit = maxConnections
    plan.bindings = bind
    plan.congestionControl = congestion
    plan.wait = wait ?? plan.wait
    plan.giveUp = giveUp ?? plan.giveUp
    plan.pathSilence = deadAfter ?? plan.pathSilence
  }
}

/// In which order several hosts are used.
struct PreferringOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Use the hosts in the order given: a later one only while all connections to those before it "
        + "are busy."
    )
  )
  var prefer = false
}

/// What costs or saves memory and time.
struct PerformanceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Largest piece on one connection, 4K to 1M; the smaller of both sides' counts. "
        + "(default: 256K)",
      valueName: "SIZE"
    ),
    transform: Arguments.size
  )
  var frameSize: Int?

  @Option(
    help: ArgumentHelp(
      "Buffers; K, M and G are powers of 1024. (default: 32M)",
      valueName: "SIZE"
    ),
    transform: Arguments.size
  )
  var memory: Int?

  /// What the types cannot say; the core knows what fits together.
  func check() throws {
    var plan = Plan(role: .sender, opening: .dial([]))
    apply(to: &plan)
    let options = Options(
      role: .sender,
      opening: .listen,
      frameByteCount: plan.frameByteCount,
      memoryByteCount: plan.memoryByteCount,
      random: SystemRandomNumberGenerator()
    )
    if let complaint = options.complaint { throw ValidationError(complaint) }
  }

  /// Puts what was given into the plan.
  func apply(to plan: inout Plan) {
    plan.frameByteCount = frameSize ?? plan.frameByteCount
    plan.memoryByteCount = memory ?? plan.memoryByteCount
  }
}

/// How much a sender leaves to others.
struct LimitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Send at most so many bits per second, such as 400M.",
      valueName: "RATE"
    ),
    transform: Arguments.rate
  )
  var limit: Int?

  /// What the types cannot say; the core knows what it can keep to.
  func validate() throws {
    var options = Options(
      role: .sender,
      opening: .listen,
      random: SystemRandomNumberGenerator()
    )
    options.rateLimit = limit
    if let complaint = options.complaint { throw ValidationError("--limit: \(complaint)") }
  }
}

/// How much is said on standard error.
struct MessageOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Say how it is set up, and what happens.")
  var verbose = false

  func validate() throws {
    if quiet, verbose { throw ValidationError("give either --quiet or --verbose, not both") }
  }
}

/// What becomes of zeros.
struct SparseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Zeros: auto keeps holes and sends no zeros of a file or disk, always makes holes of all, also "
        + "of a pipe's, never handles them like other bytes.",
      valueName: "MODE"
    )
  )
  var sparse = SparseMode.auto
}

extension SparseMode: ExpressibleByArgument {}

/// Where the stream comes from.
struct SourceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read this file, disk or FIFO, not standard input.",
      valueName: "PATH"
    )
  )
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Send what this shell command writes; unlike that of a pipe's producer, its failure fails "
        + "both ends.",
      valueName: "COMMAND"
    )
  )
  var exec: String?

  func validate() throws { try Arguments.check(exec: exec, "--input", input) }

  /// Where to read.
  var endpoint: Plan.Endpoint { exec.map { .command($0) } ?? Arguments.endpoint(input) }
}

/// Where the stream goes to.
struct TargetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write to this file, disk or FIFO instead of standard output. A file appears when it is "
        + "complete.",
      valueName: "PATH"
    )
  )
  var output: String?

  @Flag(
    help: ArgumentHelp(
      "Overwrite a file that is not empty, or a disk that is mounted, in use or has partitions."
    )
  )
  var force = false

  @Flag(
    help: ArgumentHelp(
      "Continue an earlier run with --resume that was cut off, and let a later one do so."
    )
  )
  var resume = false

  @Flag(
    help: ArgumentHelp(
      "Read the file or disk back when all of it is there, and compare it with what was sent."
    )
  )
  var verify = false

  @Flag(help: ArgumentHelp("Write a file under its own name from the start."))
  var inPlace = false

  @Option(
    help: ArgumentHelp(
      "Write to the standard input of this shell command, and fail at both ends if its status is "
        + "not 0.",
      valueName: "COMMAND"
    )
  )
  var exec: String?

  func validate() throws {
    try Arguments.check(exec: exec, "--output", output)
    let option =
      resume ? "--resume" : verify ? "--verify" : inPlace ? "--in-place" : nil
    if let option, output == nil || output == "-" {
      throw ValidationError("\(option) needs --output with a file or disk")
    }
  }

  /// Where to write.
  var endpoint: Plan.Endpoint { exec.map { .command($0) } ?? Arguments.endpoint(output) }
}

/// How a receiver finds a sender that listens.
struct DialOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Dial a sender that listens. May be given several times, for several addresses of it.",
      valueName: "HOST[:PORT]"
    ),
    transform: Arguments.host
  )
  var connect: [Plan.Host] = []
}

/// How bytes leave.
struct CopyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Send without a copy; auto tries it, and stops where the kernel copies all the same.",
      valueName: "MODE"
    )
  )
  var zerocopy = ZeroCopyMode.auto
}

extension ZeroCopyMode: ExpressibleByArgument {}
