internal import Glibc
internal import Transfer
internal import Uring

/// The loop: drain completions, tell the sessions, carry out what they ask for, submit once.
///
/// It turns one session, or the two of a pair, on one thread and one ring.
struct Loop {
  let common: Common
  private let signals: Int32
  /// The session of the run; behind it, once there is one, the other of its pair.
  private var engines: [Engine]
  private var first: Engine { engines[0] }
  private var couple = Pair()

  init(_ first: Engine, signals: Int32) {
    common = first.common
    engines = [first]
    self.signals = signals
  }

  /// Turns until all is over.
  ///
  /// - Returns: a report for each session that has begun, at least the first one's.
  /// - Throws: `StartFailure.ring` if the kernel refuses to go on with the ring; never expected.
  mutating func run() throws(StartFailure) -> [Report] {
    watchSignals()
    first.advise()
    var now = first.startedAt
    first.session.advance(to: Instant(nanoseconds: now))
    while true {
      for engine in engines { engine.carryOut(at: now) }
      if first.isMeasuring { pair(at: now) }
      if engines.allSatisfy({ $0.session.outcome != nil }) { return reports() }
      try turn(from: now)
      now = Clock.now()
      while let completion = common.ring.nextCompletion() { take(completion, at: now) }
      for engine in engines { engine.advance(to: now) }
    }
  }

  private func turn(from now: Int64) throws(StartFailure) {
    common.enqueueWaiting()
    // By hand, as in every turn: mapping would allocate each time.
    var timeout: Duration?
    for engine in engines {
      guard let next = engine.timeout(at: now) else { continue }
      timeout = min(timeout ?? next, next)
    }
    do {
      try common.ring.submit(waitingFor: timeout == .zero ? 0 : 1, timeout: timeout)
    } catch {
      throw .ring("io_uring stopped working: \(error)")
    }
  }

  private func take(_ completion: Completion, at now: Int64) {
    switch completion.userData & ~UserData.partnerFlag {
    case UserData.ignored:
      return
    case UserData.signal:
      guard let signal = Signals.next(from: signals) else { return }
      for engine in engines {
        let event = Event.interrupted(signal: signal)
        engine.session.handle(event, control: Span(), at: Instant(nanoseconds: now))
      }
    default:
      let isPartner = completion.userData & UserData.partnerFlag != 0
      engines[isPartner ? 1 : 0].take(completion, at: Instant(nanoseconds: now))
    }
  }

  private func watchSignals() {
    guard signals >= 0 else { return }
    common.enqueue(
      .poll(.descriptor(signals), readable: true, writable: false),
      userData: UserData.signal
    )
  }

  // MARK: A pair

  /// Begins the second session of a pair, gives it what the first has let in, and tells each what
  /// the other's state means to it.
  private mutating func pair(at now: Int64) {
    if engines.count == 1, let options = first.session.partnerOptions {
      let partner = Engine(
        first.plan,
        options,
        common,
        endpoint: first.endpoint,
        command: nil,
        isPartner: true
      )
      engines.append(partner)
      partner.session.advance(to: Instant(nanoseconds: now))
      partner.carryOut(at: now)
    }
    while let (socket, hello) = common.handedOver.popLast() {
      if engines.count > 1 { engines[1].adopt(socket, hello, at: now) } else { socket.close() }
    }
    guard engines.count > 1 else { return }
    let events = couple.events(first: first.session, partner: engines[1].session)
    if let event = events.first { first.handle(event, at: now) }
    if let event = events.partner { engines[1].handle(event, at: now) }
  }

  // MARK: The end

  private func reports() -> [Report] {
    if first.isMeasuring { letGoOfListener() }
    return engines.compactMap { engine in
      couple.result(of: engine.session).map { engine.report($0) }
    }
  }

  /// Ends the accept in flight, so that it cannot take a connection from whoever listens next.
  private func letGoOfListener() {
    guard let listener = common.network.listener, !first.hasMissedConnection else { return }
    common.enqueue(.cancelAll(.descriptor(listener)), userData: UserData.ignored)
    // The kernel cancels at once; a second in all is for a machine that is very busy.
    for _ in 0..<100 {
      try? common.ring.submit(waitingFor: 1, timeout: .milliseconds(10))
      while let completion = common.ring.nextCompletion() {
        let token = OperationToken(rawValue: completion.userData)
        guard first.session.acceptingPlace(of: token) != nil else { continue }
        // Who came in this moment finds the connection closed, and tries again.
        if case .bytes(let number) = completion.outcome { Glibc.close(Int32(number)) }
        return
      }
    }
  }
}
