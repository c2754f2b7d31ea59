internal import Glibc
internal import Links
internal import Transfer
internal import Uring
internal import Wire

/// The loop: drain completions, tell the session, carry out what it asks for, submit once.
///
/// It decides nothing. One thread, one ring; the class is not `Sendable` on purpose.
final class Engine<Watcher: Observer> {
  let network: Network
  let endpoint: Endpoint
  /// Whether what is there may be overwritten.
  let isForced: Bool
  let signals: Int32
  /// Input or output as a file or disk; nil for a stream.
  var storage: Storage?
  /// What makes the input or takes the output, if that is a command.
  let command: ChildCommand?
  var commandToken: OperationToken?
  var session: Session
  var ring: Ring
  var observer: Watcher
  var links: LinkFinder

  /// Descriptor and peer of every place in the session's connection table.
  var sockets: [ConnectionSocket]
  var geometry: Geometry?
  var outcome: Outcome?
  /// Operations that found the submission queue full; they go first in the next turn.
  var waiting: [(Uring.Operation, UInt64)] = []
  /// Reads and writes by token, to be done again where a descriptor would not block.
  var streamOperations: [UInt64: Uring.Operation] = [:]
  /// Whether an output file has its own name.
  var isPublished = false
  /// Of a session that measures: its figures, and the connections at the end of the measured time.
  var meter: Meter?
  var connections: [BenchConnection] = []
  /// What this process had used before the session.
  let processorTimeBefore = Clock.processorTime()
  /// What has been advised already.
  private var advised: Set<String> = []
  var startedAt: Int64
  var joinedAt: Int64?
  var progressAt: Int64

  /// What belongs to one place of the connection table.
  struct ConnectionSocket {
    var descriptor: Int32?
    var peer: SocketAddress?
    /// The address here, where it was accepted.
    var local: SocketAddress?
    /// The port that was chosen for its link.
    var boundPort: UInt16?
  }

  /// Four times a second: often enough to look alive, seldom enough to cost nothing.
  private static var progressInterval: Int64 { 250_000_000 }
  /// User data of operations that nobody waits for.
  static var ignoredUserData: UInt64 { 1 }
  /// User data of the poll on the signal descriptor.
  static var signalUserData: UInt64 { 2 }
  /// Set in the user data of a poll for a descriptor that would not block.
  static var readinessFlag: UInt64 { 1 << 63 }

  init(
    _ plan: Plan,
    options: Options,
    network: Network,
    endpoint: Endpoint,
    signals: Int32,
    command: ChildCommand?,
    ring: consuming Ring,
    observer: Watcher
  ) {
    self.network = network
    self.endpoint = endpoint
    isForced = plan.isForced
    self.signals = signals
    self.command = command
    self.observer = observer
    self.ring = ring
    storage = endpoint.base.map {
      Storage(
        endpoint.descriptor,
        base: $0,
        written: options.journal?.durableOffset ?? 0,
        isInput: options.role == .sender,
        isFresh: endpoint.isFresh,
        keepsRest: plan.endpoint == .standard && !endpoint.isFresh
      )
    }
    links = LinkFinder(targets: network.targets)
    startedAt = Clock.now()
    progressAt = startedAt
    session = Session(options, at: Instant(nanoseconds: startedAt))
    sockets = Array(repeating: ConnectionSocket(), count: Limits.connectionTableSize)
  }

  /// Turns until the session is over.
  ///
  /// - Throws: `StartFailure.ring` if the kernel refuses to go on with the ring; never expected.
  func run() throws(StartFailure) -> Report {
    watchSignals()
    advise()
    var now = startedAt
    session.advance(to: Instant(nanoseconds: now))
    while true {
      while let action = session.nextAction() { perform(action, at: Instant(nanoseconds: now)) }
      if let outcome {
        if isMeasuring { letGoOfListener() }
        return report(outcome)
      }
      try turn(from: now)
      now = Clock.now()
      while let completion = ring.nextCompletion() {
        take(completion, at: Instant(nanoseconds: now))
      }
      runMeter(at: now)
      noteConnections()
      session.advance(to: Instant(nanoseconds: now))
      showProgress(at: now)
    }
  }

  private func turn(from now: Int64) throws(StartFailure) {
    let late = waiting
    waiting = []
    for (operation, userData) in late { enqueue(operation, userData: userData) }
    var timeout: Duration?
    if let deadline = session.nextDeadline {
      timeout = .nanoseconds(max(deadline.nanoseconds - now, 0))
    }
    if let meter, !meter.isOver, let bound = timeout {
      timeout = min(bound, .nanoseconds(max(meter.nextAt - now, 0)))
    }
    do {
      try ring.submit(waitingFor: timeout == .zero ? 0 : 1, timeout: timeout)
    } catch {
      throw .ring("io_uring stopped working: \(error)")
    }
  }

  /// Ends the accept in flight, so that it cannot take a connection from whoever listens next.
  private func letGoOfListener() {
    guard let listener = network.listener else { return }
    enqueue(.cancelAll(.descriptor(listener)), userData: Self.ignoredUserData)
    // The kernel cancels at once; a second in all is for a machine that is very busy.
    for _ in 0..<100 {
      try? ring.submit(waitingFor: 1, timeout: .milliseconds(10))
      while let completion = ring.nextCompletion() {
        let token = OperationToken(rawValue: completion.userData)
        guard session.acceptingPlace(of: token) != nil else { continue }
        // Who came in this moment finds the connection closed, and tries again.
        if case .bytes(let number) = completion.outcome { Glibc.close(Int32(number)) }
        return
      }
    }
  }

  /// Hands an operation to the ring; a full queue is emptied first.
  func enqueue(_ operation: Uring.Operation, userData: UInt64) {
    if ring.enqueue(operation, userData: userData) { return }
    try? ring.submit(waitingFor: 0)
    // A second refusal means that the kernel is short of memory: next turn.
    if !ring.enqueue(operation, userData: userData) { waiting.append((operation, userData)) }
  }

  private func watchSignals() {
    guard signals >= 0 else { return }
    enqueue(
      .poll(.descriptor(signals), readable: true, writable: false),
      userData: Self.signalUserData
    )
  }

  /// Says what keeps the links from being used; a listener can say it only when it knows its peer.
  func advise() {
    for advice in links.advice where !advised.contains(advice.description) {
      advised.insert(advice.description)
      // Which way acknowledgements go costs nothing; a link that is missing does, at either end.
      let costsLinks =
        switch advice.weight {
        case .remark: false
        case .fewerLinks: true
        case .oneLink: session.options.role == .sender
        }
      observer.advised(advice.description, costsLinks: costsLinks)
    }
  }

  private func showProgress(at now: Int64) {
    guard let joinedAt, now - progressAt >= Self.progressInterval else { return }
    progressAt = now
    observer.progressed(session.statistics, elapsed: .nanoseconds(now - joinedAt))
  }

  private func report(_ outcome: Outcome) -> Report {
    let now = Clock.now()
    return Report(
      outcome: outcome,
      statistics: session.statistics,
      elapsed: .nanoseconds(now - (joinedAt ?? startedAt)),
      processorTime: Clock.processorTime(),
      residentPeakByteCount: Clock.residentPeakByteCount(),
      links: session.linkReport,
      arrangement: links.arrangement,
      idleLinks: session.idleLinks,
      bench: benchResult(at: now),
      enterCount: ring.counters.enters,
      operationCount: ring.counters.submitted
    )
  }
}
