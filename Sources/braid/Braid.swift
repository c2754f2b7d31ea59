internal import ArgumentParser
internal import Driver
internal import Wire

/// The command itself: what it is, and which verbs it has.
@main
struct Braid: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "braid",
    abstract: "One byte stream over many connections: netcat for link aggregation.",
    discussion: """
      On the machine that is to have the data, then on the one that has it:

        braid receive --output /dev/sdb
        braid send newserver --input /dev/sda

      Pipes work the same way, and the order of starting does not matter:

        braid receive | zfs receive tank/copy
        zfs send tank/data@now | braid send newserver

      It exits 0 only if the receiver has checked and written every byte.
      Statuses: 0 complete, 1 transfer failed, 2 own input or output failed,
      3 data differ, 4 refused, 5 no io_uring, 64 usage, 130 and 143 interrupted.
      """,
    version: "braid \(version) (protocol \(Greeting.version))",
    subcommands: [Send.self, Receive.self, Bench.self, Doctor.self, Key.self]
  )

  /// The version of this program.
  static let version = "0.1.0"

  /// The whole process.
  static func main() {
    StandardStreams.prepare()
    do {
      var command = try parseAsRoot()
      try command.run()
      StandardError.finish()
    } catch {
      let status = tell(error)
      StandardError.finish()
      exit(withError: status)
    }
  }

  /// Says what ArgumentParser has to say; it would wait for a halted terminal itself, and take help
  /// that a full disk did not take for success.
  private static func tell(_ error: any Error) -> ExitCode {
    let (text, status) = (fullMessage(for: error), exitCode(for: error))
    if text.isEmpty { return status }
    guard status.isSuccess else {
      StandardError.write(text + "\n")
      return status
    }
    do {
      try print(text)
      return status
    } catch {
      return exitCode(for: error)
    }
  }

  /// Prints what a command was asked for.
  ///
  /// - Throws: `ExitCode` after a sentence on standard error, if nobody can get it.
  static func print(_ text: String) throws {
    do {
      try StandardOutput.write(text + "\n")
    } catch {
      StandardError.write("braid: \(error)\n")
      throw ExitStatus(error).exitCode
    }
  }
}

/// `braid send`.
struct Send: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send standard input, a file or a disk.",
    usage: """
      braid send HOST[:PORT] ... [options]
      braid send --listen [ADDRESS:]PORT [options]
      """,
    discussion: """
      Examples:

        braid send newserver --input /dev/sda       a disk
        tar -c photos | braid send newserver        a pipe
        braid send newserver:5000 --connections 16  more connections
        braid send 10.0.1.2 10.0.2.2 < image        two addresses of one receiver
        braid send --bind eth1 --bind eth2 server   two ways out of this machine
        braid send --listen 27243 < image           let the receiver dial
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Where the receiver listens (port: 27243). IPv6 with a port: [::1]:5000. Several are "
        + "addresses of the same receiver.",
      valueName: "HOST[:PORT]"
    ),
    transform: Arguments.host
  )
  var hosts: [Plan.Host] = []

  @OptionGroup(title: "Input")
  var source: SourceOptions

  @OptionGroup(title: "Input")
  var zeros: SparseOptions

  @OptionGroup(title: "Connecting")
  var connecting: ConnectingOptions

  @OptionGroup(title: "Connecting")
  var preferring: PreferringOptions

  @OptionGroup(title: "Performance")
  var performance: PerformanceOptions

  @OptionGroup(title: "Performance")
  var limiting: LimitOptions

  @OptionGroup(title: "Performance")
  var copying: CopyOptions

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  func validate() throws {
    if connecting.listen != nil, !hosts.isEmpty {
      throw ValidationError("give either HOST or --listen, not both")
    }
    if connecting.listen == nil, hosts.isEmpty {
      throw ValidationError(
        "name the receiver (braid send HOST), or let it dial (braid send --listen 27243)"
      )
    }
    if preferring.prefer, hosts.count < 2 {
      throw ValidationError("--prefer needs several hosts, in the order of preference")
    }
    try connecting.check(isListening: connecting.listen != nil)
    try performance.check()
  }

  func run() throws {
    var plan = Plan(role: .sender, opening: connecting.listen ?? .dial(hosts))
    plan.endpoint = source.endpoint
    plan.sparse = zeros.sparse
    plan.rateLimit = limiting.limit
    plan.zeroCopy = copying.zerocopy
    plan.isPreferring = preferring.prefer
    connecting.apply(to: &plan)
    performance.apply(to: &plan)
    try Transmission(plan, connecting, messages).run()
  }
}

/// `braid receive`, also `braid recv`.
struct Receive: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Receive to standard output, a file or a disk.",
    usage: """
      braid receive [--listen [ADDRESS:]PORT] [options]
      braid receive --connect HOST[:PORT] [options]
      """,
    discussion: """
      Examples:

        braid receive --output /dev/sdb             to a disk
        braid receive | tar -x                      to a pipe
        braid receive --exec 'zfs receive tank'     to a command, whose status counts
        braid receive --listen 10.0.0.2:5000        one address, another port
        braid receive --connect oldserver > image   dial a sender that listens
      """,
    aliases: ["recv"]
  )

  @OptionGroup(title: "Output")
  var target: TargetOptions

  @OptionGroup(title: "Output")
  var zeros: SparseOptions

  @OptionGroup(title: "Connecting")
  var dialing: DialOptions

  @OptionGroup(title: "Connecting")
  var connecting: ConnectingOptions

  @OptionGroup(title: "Performance")
  var performance: PerformanceOptions

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  func validate() throws {
    if connecting.listen != nil, !dialing.connect.isEmpty {
      throw ValidationError("give either --listen or --connect, not both")
    }
    try connecting.check(isListening: dialing.connect.isEmpty)
    try performance.check()
  }

  func run() throws {
    let listener =
      connecting.listen ?? .listen(address: nil, port: Arguments.defaultPort)
    let opening = dialing.connect.isEmpty ? listener : .dial(dialing.connect)
    var plan = Plan(role: .receiver, opening: opening)
    plan.endpoint = target.endpoint
    plan.isForced = target.force
    plan.isInPlace = target.inPlace
    plan.isResuming = target.resume
    plan.verifies = target.verify
    plan.sparse = zeros.sparse
    connecting.apply(to: &plan)
    performance.apply(to: &plan)
    try Transmission(plan, connecting, messages).run()
  }
}

/// `braid key`.
struct Key: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a fresh key for --key-file or BRAID_KEY.",
    discussion: """
      Both sides need the same one:

        (umask 077; braid key > braid.key)
        scp -p braid.key newserver:
      """
  )

  func run() throws {
    try Braid.print(PreSharedKey.fresh())
  }
}
