internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// Runs one transfer on the calling thread, from the first socket to the last word.
public enum Run {
  /// Runs a plan to its end.
  ///
  /// - Throws: `StartFailure` if nothing could be started.
  public static func transfer(
    _ plan: Plan,
    observer: any Observer
  ) throws(StartFailure) -> Report {
    try measure(plan, observer: observer)[0]
  }

  /// Runs a plan to its end; of one that measures both directions each has a report.
  ///
  /// The first is that of the direction which the plan names, and all have the same outcome.
  /// - Throws: `StartFailure` if nothing could be started.
  public static func measure(
    _ plan: Plan,
    observer: any Observer
  ) throws(StartFailure) -> [Report] {
    try run(plan, nil, observer: observer)
  }

  /// Listens, and measures with one dialler after the other until a signal comes.
  ///
  /// - Parameters:
  ///   - plan: that of a listener; each dialler settles role, time and checks.
  ///   - observer: hears what happens.
  ///   - ended: takes what each session came to; the last one was interrupted.
  /// - Throws: `StartFailure` if nothing could be started.
  public static func serve(
    _ plan: Plan,
    observer: any Observer,
    ended: ([Report]) -> Void
  ) throws(StartFailure) {
    // One listening socket for all: who dials between two sessions waits in its backlog.
    let network = try Network(plan, waiting: { _ in })
    while true {
      let reports = try run(plan, network, observer: observer)
      ended(reports)
      if case .interrupted = reports[0].outcome { return }
    }
  }

  private static func run(
    _ plan: Plan,
    _ present: Network?,
    observer: any Observer
  ) throws(StartFailure) -> [Report] {
    var options = options(of: plan)
    if let complaint = options.complaint { throw .usage(complaint) }
    try Descriptors.makeRoom(for: plan, &options)
    let endpoint = try Endpoint.open(plan) { observer.delayed($0, patience: LockedFile.patience) }
    // Whatever else is in the way: half a file is left nowhere.
    var isPublished = false
    var isMismatch = false
    defer { if !isPublished { endpoint.discard(isWrong: isMismatch) } }
    tell(&options, of: endpoint, plan)
    let network: Network
    if let present {
      network = present
    } else {
      let begin = Clock.now()
      network = try Network(plan) { observer.delayed($0, patience: plan.wait) }
      options.wait = max(.zero, options.wait - .nanoseconds(Clock.now() - begin))
    }
    if case .dial = plan.opening {
      options.opening = .dial(
        targetCount: network.targets.count,
        connectionCount: plan.connectionCount
      )
    }
    let ring = try makeRing(options)
    try endpoint.empty(for: plan)
    if !ring.features.contains(.sendZeroCopy) { options.zeroCopy = .off }
    observer.prepared("io_uring: \(ring.features), \(ring.registrationText)")
    // Before the command: a signal that comes in between must not leave it behind.
    let signals = (try? Signals.open()) ?? -1
    defer { if signals >= 0 { close(signals) } }
    let command = try endpoint.startCommand(plan)
    options.hasCommand = command != nil
    let common = Common(network, ring, observer)
    if mayMeasureSending(options) { common.fillMemory(options.memoryByteCount) }
    let engine = Engine(
      plan,
      options,
      common,
      endpoint: endpoint,
      command: command
    )
    var loop = Loop(engine, signals: signals)
    defer { command?.close() }
    do {
      let reports = try loop.run()
      if case .mismatch = reports[0].outcome { isMismatch = true }
      isPublished = engine.isPublished || reports[0].outcome == .complete
      let statistics = reports[0].statistics
      let isSender = plan.role == .sender
      endpoint.leave(after: isSender ? statistics.readByteCount : statistics.writtenOffset, plan)
      return reports
    } catch {
      command?.signal(isForced: true)
      throw error
    }
  }

  /// Who listens, or measures both directions, may turn out to be one that sends.
  private static func mayMeasureSending(_ options: Options) -> Bool {
    guard let bench = options.bench else { return false }
    return options.role == .sender || options.opening == .listen || bench.isPaired
  }

  /// What the session has to know of our end of the stream.
  private static func tell(_ options: inout Options, of endpoint: Endpoint, _ plan: Plan) {
    options.isPositional = endpoint.base != nil
    options.hasHoles = endpoint.base != nil && endpoint.isFile
    options.verifies = endpoint.reading != nil
    options.source = endpoint.source
    options.target = endpoint.identity
    options.keepsJournal = endpoint.journal != nil
    options.journal = endpoint.journal?.journal
    if !plan.isForced, endpoint.base != nil, plan.role == .receiver {
      (options.capacityByteCount, options.freeByteCount) = endpoint.room
    }
    options.streamByteCount = endpoint.byteCount ?? Greeting.unknownStreamLength
  }

  private static func options(of plan: Plan) -> Options {
    let opening: Options.Opening
    switch plan.opening {
    case .dial: opening = .dial(targetCount: 1, connectionCount: plan.connectionCount)
    case .listen: opening = .listen
    }
    var options = Options(
      role: plan.role,
      opening: opening,
      frameByteCount: plan.frameByteCount,
      memoryByteCount: plan.memoryByteCount,
      random: SystemRandomNumberGenerator()
    )
    // Who measures is asked for a number, not for what is good for the links.
    if plan.bench != nil, opening == .listen {
      options.connectionLimit = Limits.connectionsPerSession
    }
    options.connectionLimit =
      plan.connectionLimit ?? max(options.connectionLimit, plan.connectionCount ?? 0)
    options.isPreferring = plan.isPreferring
    options.rateLimit = plan.rateLimit
    options.zeroCopy = plan.zeroCopy
    options.sparse = plan.bench == nil ? plan.sparse : .never
    options.bench = plan.bench
    options.leavesLinksToChance = plan.leavesLinksToChance
    options.wait = plan.wait
    options.giveUp = plan.giveUp
    options.pathSilence = plan.pathSilence
    options.authenticator = plan.authenticator
    options.describe = plan.describe
    return options
  }

  /// Where in the arena the control buffers stand: behind the slots, first those of the one session,
  /// then, if it may be one of a pair, those of the other.
  static func controlsOffset(_ options: Options, ofPartner isPartner: Bool) -> Int {
    let byteCount = Limits.connectionTableSize * 2 * Session.controlBufferByteCount
    return options.memoryByteCount + (isPartner ? byteCount : 0)
  }

  /// Where in the arena zeros stand: behind all of these, at the start of a page.
  static func zerosOffset(_ options: Options) -> Int {
    let byteCount = Limits.connectionTableSize * 2 * Session.controlBufferByteCount
    let last = controlsOffset(options, ofPartner: options.bench != nil)
    return (last + byteCount + 4095) & ~4095
  }

  /// Where in the arena a record of the journal stands: behind the zeros.
  static func journalOffset(_ options: Options) -> Int {
    zerosOffset(options) + Limits.zerosByteCount
  }

  private static func makeRing(_ options: Options) throws(StartFailure) -> Ring {
    var setup = RingSetup(arenaByteCount: journalOffset(options) + Journal.recordByteCount)
    setup.registeredByteCount = options.memoryByteCount
    setup.bufferPlaces = Limits.slotCountMaximum
    do {
      return try Ring(setup)
    } catch {
      throw .ring(error.description)
    }
  }
}
