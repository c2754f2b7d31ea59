import Wire

/// One end of a transfer, without any I/O: events in, actions out.
///
/// The owner (the driver, or the simulator) calls, in this order, once per turn of its loop:
/// 1. `handle` for everything that happened since the last turn,
/// 2. `advance` once, with the present time,
/// 3. `nextAction` until it returns nil; `checksum` and `measure` are answered at once with `handle`,
/// 4. and waits for the next event no longer than until `nextDeadline`.
///
/// After `Action.finish` the session does nothing any more.
///
/// Noncopyable: it has 2.4 KB, and what may be copied the compiler copies for many a call (Swift 6.3).
public struct Session: ~Copyable {
  /// Where the session as a whole is.
  enum Phase: Equatable {
    /// No connection has joined yet.
    case opening
    /// Frames move.
    case running
    /// Receiver: everything is written; the output is being synchronised, or gets its name.
    case synchronizing
    /// Receiver: everything is on the disk, and is being read back.
    case verifying
    /// Receiver: the verdict is on its way; wait until the sender has heard it.
    case lingering(until: Instant)
    /// Last words are being said; then all connections are closed.
    case parting(Outcome, until: Instant)
    case over
  }

  /// What the session was told to do; of a session that measures, the listener's part is settled by
  /// the first connection that joins.
  public internal(set) var options: Options
  var phase = Phase.opening
  /// The connection table; it grows to the most places ever used at one time, and no further than
  /// `Limits.connectionTableSize`.
  var connections: [Connection]
  var inFlight: InFlightTable
  var sessionID: SessionID?
  /// Seeds the check of every frame header, so that frames of another session do not pass.
  var seed: UInt64 = 0
  var geometry: Geometry?
  var sending: SendStream?
  var receiving: ReceiveStream?
  /// How far ahead of its delivery a connection may be given frames.
  var horizon: Duration?
  /// The same for those that are slower than the fastest: a round trip, and half of what the window
  /// lasts beyond that.
  var slowHorizon: Duration = Limits.horizonMaximum
  /// In what time all connections together fill the window.
  var fillTime: Duration?
  /// When the choice of connections was last over.
  var gatheredAt = Instant(nanoseconds: 0)
  /// Whether it is known how long an answer takes.
  var isPathMeasured = false
  /// Whether there are connections that could carry more, had the window room for it.
  var isWindowShort = false
  /// Until when that is kept in mind.
  var windowShortUntil = Instant(nanoseconds: 0)
  /// When it was last looked at which connections have nothing to send.
  var starvingNotedAt = Instant(nanoseconds: 0)
  /// When the horizon was last worked out.
  var horizonAt = Instant(nanoseconds: 0)
  /// What the fastest connection delivers, in bytes per second.
  var fastestRate: Int64 = 0
  /// The largest frames that suit the links here; nil before the first hello.
  var fittingByteCount: Int?
  /// What holds the frames back where the user wants a limit.
  var pace: Pace?

  // Opening and keeping connections.
  var dialing: DialState?
  var nextSerial: UInt64 = 1
  var acceptedBefore = false
  var violationCount = 0
  var damagedWelcomeCount = 0
  /// Whether a frame of this session came in, so that the peer has begun it too.
  var hasHeardPeer = false
  /// Whether what answers in the peer's place does not know this session.
  var isPeerReplaced = false

  // Time.
  var turn: UInt64 = 0
  var present: Instant
  /// Whether an action was answered since the last pump.
  var wasAnswered = false
  var scanAt: Instant
  var measureAt: Instant
  /// Since when no connection is a member of the running session, and what speaks for a dead process.
  var alone: (since: Instant, goneSince: Instant?)?
  /// Since when no connection was left that had proved good; those that join and die at once do not
  /// end it.
  var fruitlessSince: Instant?
  /// When the last of those died.
  var joinedInVainAt: Instant?
  /// What the last member did against the protocol, and since when nobody better has come.
  var blame: (sentence: String, since: Instant)?
  var windowReport: (limit: UInt64, at: Instant)
  /// By how much acknowledgements may be late.
  var acknowledgeDelay = Limits.acknowledgeDelay
  /// What had arrived at the last scan, and how fast that goes, in bytes per second.
  var receipt: (byteCount: UInt64, at: Instant, rate: Int64) = (0, Instant(nanoseconds: 0), 0)

  // Ends of the stream.
  /// When the last read ended, and how long the input is left alone to gather more.
  var inputReadAt: Instant?
  var gatherInputUntil: Instant?
  /// What the sender reads, as it said.
  var source: SourceDescription?
  /// When the output was last brought to the disk, up to where, and what that adds up to.
  var flushedAt: Instant
  var flushed: (offset: UInt64, sum: UInt64) = (0, 0)
  /// The number of the journal's last record.
  var journalSequence: UInt64 = 0
  /// Whether a record is being written.
  var isNoting = false
  /// What the journal says, or is about to.
  var notedOffset: UInt64?
  /// Whether the output waits for the journal to get its name.
  var isPublishDue = false
  /// Whether the input was asked for its next data, and has not answered.
  var isLocating = false
  var writeToken: OperationToken?
  var synchronizeToken: OperationToken?
  /// What was written, and how it is read back.
  var sums: StretchSums?
  var readBack: ReadBack?
  var watchToken: OperationToken?
  /// The command that makes the input or takes the output.
  var command = Command.none
  /// The command takes nothing any more; its status has until then to say why.
  var commandDueBy: Instant?
  /// Connections whose payload is complete and whose checksum is being computed, by slot.
  var awaitingChecksum: [Int: ConnectionID] = [:]

  // Processor time here and there in microseconds, in a session that measures.
  var processorMicroseconds: UInt64 = 0
  var peerProcessorMicroseconds: UInt64?

  // Links.
  /// Counters of the links here and there, now and when the session began.
  var localLinks: [LinkStatus] = []
  var remoteLinks: [LinkStatus] = []
  var firstLocalLinks: [LinkStatus] = []
  var firstRemoteLinks: [LinkStatus] = []
  /// How often the links here were looked at.
  var lookCount: UInt64 = 0
  var hasHeardStatus = false
  var statusSentAt: Instant?
  /// Received bytes of the links here, as the peer was told last.
  var countersTold: [UInt64] = []
  /// The number of the look that the last words wait for.
  var finalLook: UInt64?
  /// What each connection crossed when last the data moved.
  var carriers: [Spread.Crossing] = []
  var gathering: Gathering?
  /// Of a pair: our data wait until then for the other session's choice of connections.
  var heldUntil: Instant?
  var watch = LinkWatch()
  var watchAt: Instant
  /// No new choice of connections before this.
  var gatherAt: Instant
  /// A listener's wish for connections, and whether the peer still has to be told.
  var requestedCount = 0
  var requestedAt = Instant(nanoseconds: 0)
  var isRequestDue = false

  var actions: [Action] = []
  var nextActionIndex = 0
  /// How it ended; nil until `Action.finish`.
  public internal(set) var outcome: Outcome?
  /// What happened so far, for progress and reports.
  public internal(set) var statistics = Statistics()

  /// Opens a session: a listener asks for the first connection, a dialler dials.
  ///
  /// - Precondition: `options.complaint` is nil.
  public init(_ options: Options, at now: Instant) {
    precondition(options.complaint == nil, "options are checked before a session is made")
    self.options = options
    connections = []
    connections.reserveCapacity(Limits.connectionTableSize)
    inFlight = InFlightTable(connectionCount: Limits.connectionTableSize)
    scanAt = now
    present = now
    measureAt = now
    flushedAt = now
    watchAt = now
    gatherAt = now
    windowReport = (0, now)
    if options.hasCommand { awaitCommand() }
    if options.verifies { sums = StretchSums() }
    if let rate = options.rateLimit, options.role == .sender {
      pace = Pace(bitsPerSecond: rate)
    }
    switch options.opening {
    case .handedOver:
      sessionID = options.session
    case .listen:
      acceptNext()
    case .dial(let targetCount, let connectionCount):
      sessionID =
        options.session
        ?? SessionID(low: self.options.random.next(), high: self.options.random.next())
      dialing = DialState(
        targetCount: targetCount,
        askedCount: connectionCount,
        limit: options.connectionLimit,
        giveUpAt: now + options.wait,
        at: now
      )
      actions.append(.lookAtLinks)
    }
  }

  // MARK: Events

  /// Takes in one event.
  ///
  /// - Parameters:
  ///   - event: what happened.
  ///   - control: the incoming control buffer of the connection that `controlOwner(of:)` names, or
  ///     nothing; read only during the call.
  ///   - now: the present time; never goes back.
  public mutating func handle(_ event: Event, control: Span<UInt8>, at now: Instant) {
    if phase == .over {
      // The counters for the report may come last of all.
      if case .didLookAtLinks(let view) = event { localLinks = view.links }
      return
    }
    skipStandstill(at: now)
    switch event {
    case .completed(let token, let result, let releaseFollows):
      // A second completion where only a notification may come: keep waiting for that one.
      if case .release = inFlight.purpose(of: token) {
        statistics.staleCompletionCount += 1
        return
      }
      guard let purpose = inFlight.end(token) else {
        statistics.staleCompletionCount += 1
        return
      }
      // What the owner does by itself it answers within the turn: reads and writes of memory, holes,
      // the name. It ends: a read uses up a slot, a write a received frame.
      wasAnswered = true
      completed(purpose, token, result, releaseFollows: releaseFollows, control: control, at: now)
    case .released(let token, let wasCopied):
      guard case .release(let slot, let id, let serial) = inFlight.purpose(of: token) else {
        statistics.staleCompletionCount += 1
        return
      }
      _ = inFlight.end(token)
      sending?.didLeaveKernel(slot)
      didRelease(on: id, serial: serial, wasCopied: wasCopied)
    case .didChecksum(let slot, let checksum, let isZero):
      wasAnswered = true
      didChecksum(slot, checksum, isZero: isZero, at: now)
    case .didLocate(let offset, let data):
      wasAnswered = true
      isLocating = false
      sending?.didLocate(from: offset, data: data)
      readBack?.didLocate(from: offset, data: data)
    case .didSum(let slot, let offset, let sum):
      wasAnswered = true
      didSum(slot, at: offset, sum, at: now)
    case .didCheckInput(let isUnchanged):
      wasAnswered = true
      didCheckInput(isUnchanged: isUnchanged, at: now)
    case .measured(let id, let measurement):
      // A path may be found dead by it: then others have work.
      wasAnswered = true
      isPathMeasured = true
      didMeasure(id, measurement, at: now)
    case .didLookAtLinks(let view):
      wasAnswered = true
      didLookAtLinks(view, at: now)
    case .interrupted(let signal):
      conclude(.interrupted(signal), at: now)
    case .partnerBegan:
      heldUntil = nil
    case .partnerEnded(let outcome):
      conclude(outcome, at: now)
    }
  }

  /// The connection whose incoming control buffer a completion is about; nil if it is about none.
  public func controlOwner(of token: OperationToken) -> ConnectionID? {
    guard case .receive(let id) = inFlight.purpose(of: token) else { return nil }
    return id
  }

  /// The place that an accept in flight is for; its completion carries the new descriptor.
  public func acceptingPlace(of token: OperationToken) -> ConnectionID? {
    guard case .accept(let id) = inFlight.purpose(of: token) else { return nil }
    return id
  }

  private mutating func completed(
    _ purpose: InFlightTable.Purpose,
    _ token: OperationToken,
    _ result: Event.Result,
    releaseFollows: Bool,
    control: Span<UInt8>,
    at now: Instant
  ) {
    switch purpose {
    case .connect(let id): didConnect(id, result, at: now)
    case .accept(let id): didAccept(id, result, at: now)
    case .receive(let id): didReceive(id, result, control: control, at: now)
    case .send(let id):
      didSend(id, token, result, releaseFollows: releaseFollows, at: now)
    case .read: didRead(result, at: now)
    case .write: didWrite(result, at: now)
    case .readAt(let slot): didRead(slot, result, at: now)
    case .writeAt(let number): didWrite(number, result, at: now)
    case .flush: didFlush(result, at: now)
    case .writeJournal: didWriteJournal(result, at: now)
    case .watchOutput: didLoseConsumer(result, at: now)
    case .synchronize: didSynchronize(result, at: now)
    case .readBack(let slot): didReadBack(slot, result, at: now)
    case .publish: didPublish(result, at: now)
    case .command: didEndCommand(result, at: now)
    case .release: preconditionFailure("a release ends with its notification only")
    }
  }

  // MARK: Turning

  /// Decides what to do next, after the events of a turn: timers, sends, reads, writes.
  public mutating func advance(to now: Instant) {
    guard phase != .over else { return }
    skipStandstill(at: now)
    turn += 1
    present = now
    runTimers(at: now)
    pump(at: now)
  }

  private mutating func pump(at now: Instant) {
    wasAnswered = false
    retryHeldFrames(at: now)
    pumpGathering(at: now)
    pumpOutput(at: now)
    pumpReadBack(at: now)
    let wasStalled = isStalled
    pumpSends(at: now)
    noteStarving(at: now)
    pumpInput(at: now)
    // The last frame has left, or the last slot was taken: now it is time for what is late, also on
    // connections that were passed over.
    if !wasStalled, let lateAt, lateAt <= present { wasAnswered = true }
    pumpDials(at: now)
    finishIfDone(at: now)
  }

  /// The next thing to do; nil when there is nothing until the next event or deadline.
  public mutating func nextAction() -> Action? {
    if nextActionIndex == actions.count {
      actions.removeAll(keepingCapacity: true)
      nextActionIndex = 0
      // What was asked for was answered at once: what follows from it belongs to this turn.
      // It ends, because each answer used up a filled slot, a received frame or a burst.
      if wasAnswered, phase != .over { pump(at: present) }
    }
    guard nextActionIndex < actions.count else { return nil }
    defer { nextActionIndex += 1 }
    return actions[nextActionIndex]
  }

  /// Hands an operation to the kernel by way of the owner.
  @discardableResult
  mutating func submit(_ operation: Operation, for purpose: InFlightTable.Purpose)
    -> OperationToken
  {
    let token = inFlight.begin(purpose)
    actions.append(.submit(token, operation))
    return token
  }

  /// Members of the session, in the order of the table.
  var memberCount: Int { connections.count { $0.isMember } }
}

/// Counters of a session; all of them only grow.
public struct Statistics: Equatable, Sendable {
  /// Payload bytes read from the input.
  public var readByteCount: UInt64 = 0
  /// Payload bytes that the receiver has received and checked, as far as we know.
  public var confirmedByteCount: UInt64 = 0
  /// All bytes below it are out of the receiver's hands, as far as we know.
  public var writtenOffset: UInt64 = 0
  /// Whether a receiver had written anything beyond that when it ended.
  public var hasWrittenParts = false
  /// Bytes that an earlier run had brought to the receiver's disk.
  public var resumedOffset: UInt64 = 0
  /// Bytes of the receiver's output that were read back, as far as we know; nil where it is not.
  public var readBackByteCount: UInt64?
  /// Length of the stream, where the sender knew it or has said it.
  public var streamByteCount: UInt64?
  /// Connections that joined, ever.
  public var joinedCount = 0
  /// Members of the session now.
  public var memberCount = 0
  /// Most members at one time while data moved; candidates that were not kept do not count.
  public var memberPeak = 0
  /// Connections that were lost.
  public var lostCount = 0
  /// Frames that were sent more than once.
  public var resentFrameCount = 0
  /// Frames that arrived more than once.
  public var duplicateFrameCount = 0
  /// Frames that arrived with a wrong checksum.
  public var damagedFrameCount = 0
  /// Accepted connections that were turned away.
  public var turnedAwayCount = 0
  /// Completions that belonged to nothing in flight.
  public var staleCompletionCount = 0
  /// Zero-copy sends that the kernel copied after all.
  public var copiedSendCount = 0
  /// Zero-copy sends.
  public var zeroCopySendCount = 0
  /// Zeros of the stream that were not sent as bytes.
  public var zeroByteCount: UInt64 = 0
  /// Data frames sent or received whole.
  public var frameCount = 0

  /// All zero.
  public init() {}
}
