internal import Glibc
internal import Links
internal import Transfer
internal import Uring
internal import Wire

/// Carries out what one session asks for, and tells it what came of it; `Loop` turns it.
///
/// It decides nothing. One thread; the class is not `Sendable` on purpose.
final class Engine {
  let common: Common
  /// Whether the session is the second of a pair: it has the second half of everything.
  let isPartner: Bool
  let endpoint: Endpoint
  let plan: Plan
  /// Input or output as a file or disk; nil for a stream.
  var storage: Storage?
  /// What makes the input or takes the output, if that is a command.
  let command: ChildCommand?
  var commandToken: OperationToken?
  var session: Session
  var links: LinkFinder

  /// Descriptor and peer of every place in the session's connection table.
  var sockets: [ConnectionSocket]
  var geometry: Geometry?
  /// Reads and writes by token, to be done again where a descriptor would not block.
  var streamOperations: [UInt64: Uring.Operation] = [:]
  /// Whether an output file has its own name.
  var isPublished = false
  /// Of a session that measures: its figures, and the connections at the end of the measured time.
  var meter: Meter?
  var connections: [BenchConnection] = []
  /// What this process had used before the session.
  let processorTimeBefore = Clock.processorTime()
  let startedAt: Int64
  var joinedAt: Int64?
  /// Whether a connection came in when the session was over.
  var hasMissedConnection = false
  private var progressAt: Int64

  /// Four times a second: often enough to look alive, seldom enough to cost nothing.
  private static var progressInterval: Int64 { 250_000_000 }

  init(
    _ plan: Plan,
    _ options: Options,
    _ common: Common,
    endpoint: Endpoint,
    command: ChildCommand?,
    isPartner: Bool = false
  ) {
    self.common = common
    self.isPartner = isPartner
    self.endpoint = endpoint
    self.plan = plan
    self.command = command
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
    links = LinkFinder(targets: common.network.targets)
    startedAt = Clock.now()
    progressAt = startedAt
    session = Session(options, at: Instant(nanoseconds: startedAt))
    sockets = Array(repeating: ConnectionSocket(), count: Limits.connectionTableSize)
  }

  /// Does all that the session wants done now.
  func carryOut(at now: Int64) {
    while let action = session.nextAction() { perform(action, at: Instant(nanoseconds: now)) }
  }

  /// Lets the session decide, now that it knows of all completions.
  func advance(to now: Int64) {
    runMeter(at: now)
    noteConnections()
    session.advance(to: Instant(nanoseconds: now))
    showProgress(at: now)
  }

  /// Takes in an event that is not a completion, and does what follows.
  func handle(_ event: Event, at now: Int64) {
    session.handle(event, control: Span(), at: Instant(nanoseconds: now))
    session.advance(to: Instant(nanoseconds: now))
    carryOut(at: now)
  }

  /// How long nothing needs to be done unless something happens; nil: for any time.
  func timeout(at now: Int64) -> Duration? {
    guard let deadline = session.nextDeadline else { return nil }
    let timeout = Duration.nanoseconds(max(deadline.nanoseconds - now, 0))
    guard let meter, !meter.isOver else { return timeout }
    return min(timeout, .nanoseconds(max(meter.nextAt - now, 0)))
  }

  /// Takes a connection over from the other session of the pair.
  func adopt(_ socket: ConnectionSocket, _ hello: Greeting, at now: Int64) {
    guard let id = session.adopt(hello, at: Instant(nanoseconds: now)) else {
      return socket.close()
    }
    sockets[id.index] = socket
    carryOut(at: now)
  }

  /// Hands an operation to the ring.
  func enqueue(_ operation: Uring.Operation, userData: UInt64) {
    common.enqueue(operation, userData: marked(userData))
  }

  /// User data of this engine.
  func marked(_ userData: UInt64) -> UInt64 {
    isPartner ? userData | UserData.partnerFlag : userData
  }

  /// Says what keeps the links from being used; a listener can say it only when it knows its peer.
  func advise() {
    for advice in links.advice where !common.advised.contains(advice.description) {
      common.advised.insert(advice.description)
      // Which way acknowledgements go costs nothing; a link that is missing does, at either end.
      let costsLinks =
        switch advice.weight {
        case .remark: false
        case .fewerLinks: true
        case .oneLink: session.options.role == .sender
        }
      common.observer.advised(advice.description, costsLinks: costsLinks)
    }
  }

  private func showProgress(at now: Int64) {
    guard let joinedAt, now - progressAt >= Self.progressInterval else { return }
    progressAt = now
    common.observer.progressed(session.statistics, elapsed: .nanoseconds(now - joinedAt))
  }

  func report(_ outcome: Outcome) -> Report {
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
      isReadBackBuffered: isReadBackBuffered,
      enterCount: common.ring.counters.enters,
      operationCount: common.ring.counters.submitted
    )
  }
}
