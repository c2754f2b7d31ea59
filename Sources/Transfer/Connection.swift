import Wire

/// One place of the connection table: everything about one TCP connection but the stream itself.
struct Connection {
  /// Whether frames leave without a copy; under `auto` one send shows what the kernel makes of it.
  enum ZeroCopy: Equatable {
    case never
    case untried
    /// The notification of the one send is awaited; meanwhile the others are copied.
    case onTrial
    case always
  }

  /// Where the connection is in its life.
  enum State: Equatable {
    /// Nothing is here.
    case free
    /// An accept is in flight; no peer yet.
    case accepting
    /// A connect is in flight.
    case dialling
    /// We dialled and said hello.
    case awaitingWelcome
    /// We accepted and have said nothing.
    case awaitingHello
    /// We accepted and said welcome.
    case awaitingConfirm
    /// A refusal is on its way out; then close.
    case refusing
    /// Part of the session.
    case joined
    /// Part of the session, but takes no more frames; closes when all of its are acknowledged.
    case retiring
    /// Every pending operation has been told to end; closes when all have.
    case stopping
  }

  /// What the receive in flight, or the next one, is for.
  enum Incoming: Equatable {
    case greeting
    case header
    /// The payload of a data frame goes to a slot.
    case payload(FrameHeader, SlotID)
    /// A data frame's payload waits in the socket until there is a slot for it.
    case held(FrameHeader)
    /// A payload nobody needs: a duplicate, a sounding.
    case discard(FrameHeader)
    /// The payload of a control frame goes to the control buffer.
    case control(FrameHeader)
  }

  /// What the send in flight carries.
  enum Outgoing: Equatable {
    case nothing
    case message(byteCount: Int, FrameKind?)
    case frame(SlotID, number: UInt64, byteCount: Int)
    /// A burst that shows which links the connection crosses.
    case sounding(SlotID, byteCount: Int)
  }

  /// One data frame on this connection, sent or being sent, that has not been acknowledged.
  struct Carried: Equatable {
    var slot: SlotID
    var number: UInt64
    /// Whole frame, header included, in bytes.
    var byteCount: Int
    /// When it was handed to the connection.
    var at: Instant
  }

  /// A wrong checksum that the sender has to hear of before the next acknowledgement.
  struct Reject: Equatable {
    var processed: UInt64
    var number: UInt64
    var offset: UInt64
  }

  var state = State.free
  /// Tells this connection from all others that ever had its place.
  var serial: UInt64 = 0
  /// The dialler's number for it.
  var number: UInt32 = 0
  /// Index of the dial group that it belongs to; 0 where we listen.
  var group = 0
  /// The links that it crosses, as far as they are known.
  var crossing = Spread.Crossing()
  /// Whether a burst was tried.
  var isSounded = false
  /// Bursts that may have met others on their way.
  var meetingCount = 0
  /// A burst that the peer wants answered by counters that were read after it.
  var soundingToAnswer: (number: UInt32, byteCount: UInt32, afterLook: UInt64)?
  /// The hello of the handshake, said or heard.
  var greeting: Greeting?
  /// The welcome that we said.
  var welcome: Greeting?
  var deadline: Instant?
  /// When it joined; until then, when it was begun.
  var joinedAt = Instant(nanoseconds: 0)
  /// Whether something of the stream got through on it.
  var hasProgressed = false
  /// Why it is being stopped, for the report.
  var loss: Notice.Loss?
  var isResetOnClose = false

  // What is in flight.
  var connectToken: OperationToken?
  var receiveToken: OperationToken?
  var sendToken: OperationToken?

  // Receiving.
  var incoming = Incoming.greeting
  /// Bytes of the present target that have arrived.
  var receivedByteCount = 0
  /// The receive in flight was told to end, since its frame has come another way.
  var isLettingGo = false

  // Sending.
  var outgoing = Outgoing.nothing
  var sentByteCount = 0
  var lastSent = Instant(nanoseconds: 0)
  var zeroCopy = ZeroCopy.never
  /// A handshake message that waits for the one before it to leave.
  var queuedGreeting: Greeting?

  // Sending side of the stream.
  var carried = RingQueue<Carried>(capacity: 1)
  /// Frames on this connection that the receiver has processed.
  var acknowledgedFrameCount: UInt64 = 0
  var sourceSent = false
  var endSent = false
  /// Whether TCP at the other end answered when last it was looked at.
  var isAnswered = false
  var rate = RateEstimator()
  /// As TCP last told it.
  var roundTrip: Duration?
  /// The least that TCP has told.
  var leastRoundTrip: Duration?
  /// When frames were last acknowledged, or the first one sent after none was on the way.
  var deliveredAt = Instant(nanoseconds: 0)
  /// How long that was after the time before.
  var deliveryGap: Duration = .zero
  /// How long frames were on their way lately, from their start to their acknowledgement.
  var latency: Duration = .zero
  /// Part of the time, in thousandths, in which it had nothing to send although frames were waiting
  /// for the window to open.
  var hunger: Int64 = 0
  var isStarving = false
  var starvedTime: Duration = .zero
  /// Its fair part of a link of which another has less than that, in bytes per second.
  var fairRate: Int64?
  /// Whether another that is hungry delivers sooner.
  var isOutpaced = false
  /// Bytes in `carried`.
  var carriedByteCount = 0

  // Receiving side of the stream.
  var processedFrameCount: UInt64 = 0
  var unreportedByteCount = 0
  var unreportedSince: Instant?
  var acknowledgedAt = Instant(nanoseconds: 0)
  var reportedLimit: UInt64 = 0
  var rejects: [Reject] = []
  var verdictSent = false

  // Both.
  var abortSent = false
  var goodbyeSent = false
  /// The peer has said its last word here.
  var lastWordHeard = false
  /// Sending has failed; what the peer sent before is still being read.
  var sendFailure: Notice.Loss?
  var finalStatusSent = false

  /// Whether the connection takes part in the session.
  var isMember: Bool { state == .joined || state == .retiring }

  /// Whether a frame waits in its socket for a slot.
  var isHeld: Bool {
    if case .held = incoming { true } else { false }
  }

  /// Whether the next frame may leave without a copy.
  var mayZeroCopy: Bool {
    switch zeroCopy {
    case .never, .onTrial: false
    case .untried: acknowledgedFrameCount >= Limits.framesBeforeZeroCopy
    case .always: true
    }
  }

  /// Whether it is being dialled, or in its handshake.
  var isComing: Bool {
    switch state {
    case .dialling, .awaitingWelcome, .awaitingHello, .awaitingConfirm: true
    case .free, .accepting, .refusing, .joined, .retiring, .stopping: false
    }
  }

  /// Whether a new message or frame can be handed to the kernel: one send in flight per socket,
  /// since the kernel reorders several without a word (io_uring.md, trap 1).
  var canSend: Bool { sendToken == nil && isMember && sendFailure == nil }

  /// Whether nothing of it is in flight but zero-copy notifications.
  var isQuiet: Bool { connectToken == nil && receiveToken == nil && sendToken == nil }
}
