public import Wire

/// Where bytes come from or go to.
public enum Region: Equatable, Sendable {
  /// The connection's own small buffer for messages; in- and outgoing bytes have one each.
  case control(Range<Int>)
  /// Bytes of a slot, counted from the start of the payload; the header stands at -40..<0.
  case slot(SlotID, Range<Int>)
  /// So many bytes to be thrown away.
  case discard(Int)

  /// How many bytes it is about.
  public var byteCount: Int {
    switch self {
    case .control(let range), .slot(_, let range): range.count
    case .discard(let count): count
    }
  }
}

/// One thing that the kernel is asked to do, and answers with one completion.
public enum Operation: Equatable, Sendable {
  /// Open a connection to a target of the dial plan.
  ///
  /// `link`: the link here that it should take, where the owner can aim; nil: any.
  case connect(ConnectionID, target: Int, link: Int?)
  /// Take the next incoming connection into this place.
  case accept(ConnectionID)
  /// Send all bytes of a region; short completions are continued by the core.
  case send(ConnectionID, Region, zeroCopy: Bool)
  /// Receive exactly the region, or less at the end of the connection.
  case receive(ConnectionID, Region)
  /// Read what the input has into a slot, at an offset of the stream; nil: at its current position.
  ///
  /// May be short; at an offset that lies before the end, 0 bytes mean that the input became shorter.
  case read(SlotID, Range<Int>, at: UInt64?)
  /// Write a slot's bytes to the output, at an offset of the stream; nil: at its current position.
  case write(SlotID, Range<Int>, at: UInt64?)
  /// Write so many zeros to the output, at its current position; at most `Limits.zerosByteCount`.
  case writeZeros(byteCount: Int)
  /// Make zeros of a part of the output, at most `Limits.clearByteCount` bytes; a short completion
  /// tells how many from the start are done.
  ///
  /// `isAllocated`: the space is to be taken all the same; else it may become, or stay, a hole.
  case clear(at: UInt64, byteCount: UInt64, isAllocated: Bool)
  /// Bring the record of what is on the disk there itself.
  case writeJournal(Journal)
  /// Bring what was written at offsets so far to the disk and, as far as it lies below an offset of
  /// the stream, out of the page cache; no more than a report where the cache was passed by.
  case flush(below: UInt64)
  /// Wait until nobody reads the output any more.
  case watchOutput
  /// Wait until the command that makes the input or takes the output has ended.
  ///
  /// 0 bytes if its status was 0, else a failure of the kind `commandExited` or `commandKilled`.
  case awaitCommand
  /// Bring the output to stable storage where it is a file or a disk; no more than a report otherwise.
  case synchronize
  /// Give the output its name, and let go of what was kept in case that it does not come to that.
  case publish
}

/// What the core asks for; the driver carries it out without deciding anything.
public enum Action: Equatable, Sendable {
  /// Hand an operation to the kernel; answered by `Event.completed` with the same token.
  case submit(OperationToken, Operation)
  /// Ask the kernel to end an operation early; it completes all the same, cancelled or done.
  case cancel(OperationToken)
  /// Cut the arena into slots; asked once, before the first slot is used.
  case configure(Geometry)
  /// Compute XXH3-64 of a slot's first bytes and, if wanted, see whether all are zero; answered at once
  /// by `Event.didChecksum`.
  case checksum(SlotID, byteCount: Int, findsZeros: Bool)
  /// Ask where the next data are from an offset on, of the input or of an output that is read back;
  /// answered at once by `Event.didLocate`.
  case locate(UInt64)
  /// Sum up a part of a slot that belongs at an offset of the stream; answered at once by
  /// `Event.didSum`.
  ///
  /// Each byte counts with its place, so that the sum of two parts is that of both together, modulo
  /// 2^64, and that of zeros is 0.
  case sum(SlotID, Range<Int>, at: UInt64)
  /// From now on reads are of the output; no cache may answer for the disk.
  case readBack
  /// Ask whether an input that is a file has been written to since it was opened; answered at once by
  /// `Event.didCheckInput`.
  case checkInput
  /// Write a data frame's header in front of a slot's payload.
  case seal(SlotID, FrameHeader, seed: UInt64)
  /// Encode a handshake message at the start of the connection's outgoing buffer.
  case greet(ConnectionID, Greeting)
  /// Encode a frame at the start of the connection's outgoing buffer.
  case compose(ConnectionID, FrameHeader, payload: [UInt8], seed: UInt64)
  /// Make every pending operation of the connection end; they still complete one by one.
  case stop(ConnectionID)
  /// Close the descriptor; nothing of it is in flight but zero-copy notifications.
  case close(ConnectionID, isReset: Bool)
  /// Close the output: the command that takes it sees the end. Nothing of it is in flight.
  case closeOutput
  /// Ask the command and its children to end (SIGTERM), or end them (SIGKILL).
  case endCommand(isForced: Bool)
  /// Give a connection that has proved itself, by its hello, to the other session of the pair, which
  /// adopts it; here nothing more is sent or received on it.
  case handOver(ConnectionID, Greeting)
  /// Look at TCP's state; answered at once by `Event.measured`.
  case measure(ConnectionID)
  /// Read the counters of the links toward the peer, and, before the first dial, find the ways to it;
  /// answered at once by `Event.didLookAtLinks`.
  case lookAtLinks
  /// Tell the user.
  case report(Notice)
  /// The session is over; nothing is in flight but waits for input, output and
  /// a command that cannot be killed.
  case finish(Outcome)
}

/// What TCP knows about a connection (tcp(7), `TCP_INFO`).
public struct Measurement: Equatable, Sendable {
  /// Payload bytes that the peer's TCP has acknowledged.
  public var acknowledgedByteCount: UInt64
  /// Payload bytes received.
  public var receivedByteCount: UInt64
  /// Whether segments or window probes are on the way without an answer.
  public var isAwaitingAnswer: Bool
  /// Time since the last acknowledgement came in.
  public var sinceLastAnswer: Duration
  /// Smoothed round-trip time.
  public var roundTrip: Duration
  /// The link here that it must run over, because no other leads to the peer's address; an index
  /// into `LinkView.links`.
  public var onlyLink: Int?

  /// All fields given.
  public init(
    acknowledgedByteCount: UInt64,
    receivedByteCount: UInt64,
    isAwaitingAnswer: Bool,
    sinceLastAnswer: Duration,
    roundTrip: Duration = .zero,
    onlyLink: Int? = nil
  ) {
    self.acknowledgedByteCount = acknowledgedByteCount
    self.receivedByteCount = receivedByteCount
    self.isAwaitingAnswer = isAwaitingAnswer
    self.sinceLastAnswer = sinceLastAnswer
    self.roundTrip = roundTrip
    self.onlyLink = onlyLink
  }
}

/// Everything that can happen to the core.
public enum Event: Equatable, Sendable {
  /// An operation ended. `releaseFollows`: the kernel still uses the bytes until `released`.
  case completed(OperationToken, Result, releaseFollows: Bool)
  /// The kernel no longer uses the bytes of a zero-copy send; `wasCopied` if it copied after all.
  case released(OperationToken, wasCopied: Bool)
  /// The checksum that was asked for, and whether there are only zeros, if that was asked too.
  case didChecksum(SlotID, UInt64, isZero: Bool)
  /// The next data from the offset that was asked for on; empty at its end if none follow.
  case didLocate(from: UInt64, data: Range<UInt64>)
  /// The sum of the part that begins at an offset.
  case didSum(SlotID, at: UInt64, UInt64)
  /// Whether the input is as long, and was changed as long ago, as when it was opened.
  case didCheckInput(isUnchanged: Bool)
  /// What TCP knows, as asked for; nil if the kernel would not say.
  case measured(ConnectionID, Measurement?)
  /// The links, as asked for.
  case didLookAtLinks(LinkView)
  /// A signal arrived that ends the session.
  case interrupted(signal: Int32)
  /// The data of the other session of our pair have begun to move.
  case partnerBegan
  /// The other session of our pair has failed.
  case partnerEnded(Outcome)

  /// How an operation ended.
  public enum Result: Equatable, Sendable {
    /// So many bytes were moved; 0 at the end of a stream and for operations without bytes.
    case done(Int)
    /// It failed.
    case failed(Failure)
  }
}

/// Something that the user may want to know; the driver's owner decides what to show.
public enum Notice: Equatable, Sendable {
  /// An earlier run is continued: so many bytes are written already.
  case resumed(at: UInt64)
  /// The session began: the first connection was joined.
  case started(frameByteCount: Int)
  /// A connection joined the session.
  case joined(ConnectionID, count: Int)
  /// A connection was lost; its unacknowledged frames go over others.
  case lost(ConnectionID, reason: Loss, resent: Int)
  /// An accepted connection was turned away.
  case turnedAway(ConnectionID, reason: Strangeness)
  /// Dialling failed and will be tried again.
  case dialFailed(ConnectionID, Failure)
  /// A frame arrived with a wrong checksum and will be sent again.
  case damagedFrame(offset: UInt64)
  /// A burst over a connection named the links that it crosses; nil where it did not.
  case sounded(ConnectionID, local: String?, remote: String?)
  /// The connections to be used are chosen; `isClear` if every link at either end has its share.
  case gathered(kept: Int, of: Int, isClear: Bool)
  /// Links lie idle, here or there, while others are busy; connections are opened for them.
  case idleLinks(local: [String], remote: [String])
  /// No connection is left; dialling or waiting goes on.
  case disconnected
  /// Everything is on the disk, and is being read back.
  case readingBack

  /// The connection that it is about, if any.
  public var connection: ConnectionID? {
    switch self {
    case .joined(let id, _), .lost(let id, _, _), .turnedAway(let id, _), .sounded(let id, _, _),
      .dialFailed(let id, _):
      id
    case .started, .resumed, .damagedFrame, .disconnected, .gathered, .idleLinks, .readingBack:
      nil
    }
  }

  /// Why a connection was lost.
  public enum Loss: Equatable, Sendable {
    case closedByPeer
    case failed(Failure)
    case silent
    case damaged(WireError)
    case violation(String)
    case surplus
  }

  /// Why a stranger was turned away.
  public enum Strangeness: Equatable, Sendable {
    case refused(Refusal)
    case notBraid(WireError)
    case tooSlow
    case closed
    case evicted
  }
}
