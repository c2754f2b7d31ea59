import Glibc
import Wire

@testable import Transfer

/// A session with a kernel and a peer that obey the tape, and the promises that must hold meanwhile.
final class Rig {
  /// What the rig knows of one place of the connection table.
  struct Place {
    /// Handshake messages that were exchanged on it.
    var hello: Greeting?
    var welcome: Greeting?
    /// The header that the peer sent last, and the payload that it will have.
    var header: FrameHeader?
    var payload: [UInt8] = []
    /// Bytes of the message that the peer is in the middle of.
    var message: [UInt8] = []
    /// Frames that the peer has processed, as it counts them itself.
    var processed: UInt64 = 0
    var verdictDue = false
    var control = [UInt8](repeating: 0, count: Session.controlBufferByteCount)
  }

  /// What a slot holds, as the rig saw it happen.
  struct Slot {
    /// Sends whose bytes the kernel still reads.
    var readers = 0
    /// Whether a receive or a read writes it.
    var isWritten = false
    /// Receiver: the frame that came into it whole, with a checksum that fits.
    var frame: FrameHeader?
    /// Sender: the header that stands in front of the payload.
    var sealed: FrameHeader?
  }

  struct Pending {
    let token: OperationToken
    let operation: Transfer.Operation
    var isStopped = false
  }

  var tape: Tape
  var session: Session
  var places = [Place](repeating: Place(), count: Limits.connectionTableSize)
  var slots: [Slot] = []
  var pending: [Pending] = []
  /// Zero-copy sends that have completed and whose notification is due.
  var releases: [(token: OperationToken, slot: SlotID)] = []
  var pastTokens: [OperationToken] = []
  var now = Instant(nanoseconds: 1_000_000_000)
  var outcome: Outcome?
  let links: [LinkStatus]

  // The stream, as it really is.
  var inputLeft: Int
  var readByteCount: UInt64 = 0
  var hasInputEnded = false
  var writtenByteCount: UInt64 = 0
  var writtenDigest = StreamDigest()
  /// Whether the peer has sent zeros, which this digest does not know.
  var hasHole = false
  var endsHeard: [FrameHeader] = []
  var verdictsHeard: [FrameHeader] = []
  var isSynchronized = false
  var isOutputClosed = false
  var commandEnd: Event.Result?

  // The honest peer's side of it.
  let peerSession = SessionID(low: 11, high: 12)
  var peerFrames: [FrameHeader] = []
  var peerDigest = StreamDigest()
  let peerFrameCount: Int
  var peerReceived: [UInt64: FrameHeader] = [:]
  var endSeen: FrameHeader?

  /// Small, or large enough to be sent without a copy.
  let frameByteCount: Int
  /// Whether every other frame of the peer is a hole.
  let hasHoles: Bool
  static let slotCount = 8
  static let authenticator = Authenticator { bytes in
    let word = XXH64.hash(bytes.span, seed: 77)
    return Bytes32((word, ~word, word &* 3, word ^ 5))
  }

  init(_ tape: Tape) {
    var tape = tape
    let setup = tape.byte()
    let role: Role = setup & 1 == 0 ? .receiver : .sender
    let opening: Options.Opening =
      setup & 2 == 0 ? .listen : .dial(targetCount: 2, connectionCount: setup & 4 == 0 ? nil : 3)
    frameByteCount = setup & 64 == 0 ? 4096 : 36_864
    var options = Options(
      role: role,
      opening: opening,
      frameByteCount: frameByteCount,
      memoryByteCount: Self.slotCount * (frameByteCount + Geometry.headroom),
      random: NoChance()
    )
    if setup & 8 != 0 { options.authenticator = Self.authenticator }
    if setup & 16 != 0 { options.zeroCopy = .on }
    if setup & 32 != 0 { options.connectionLimit = 3 }
    let linkCount = tape.choice(4)
    links = (0..<linkCount).map { Self.link("eth\($0)") }
    inputLeft = Int(tape.byte()) * 511
    options.isPositional = setup & 128 != 0
    options.writeBehindByteCount = 8192
    options.keepsJournal = true
    options.hasHoles = options.isPositional
    options.verifies = options.isPositional && role == .receiver && linkCount == 1
    if options.isPositional, role == .sender {
      options.streamByteCount = UInt64(inputLeft)
      hasInputEnded = true
    }
    options.hasCommand = !options.isPositional && linkCount == 1
    peerFrameCount = tape.choice(20)
    hasHoles = linkCount == 3
    if options.isPositional, role == .receiver, linkCount > 1 {
      options.journal = Journal(
        source: Self.source,
        target: (1, 2),
        durableOffset: 777,
        sum: nil,
        sequence: 5
      )
    }
    session = Session(options, at: now)
    self.tape = tape
  }

  /// What an honest peer reads where it has to say so.
  static let source = SourceDescription(kind: .file, byteCount: 1 << 40, modified: 9)

  /// Where the stream begins: behind what an earlier run has written.
  var startOffset: UInt64 { session.options.journal?.durableOffset ?? 0 }

  static func link(_ name: String) -> LinkStatus {
    LinkStatus(
      name: name,
      receivedByteCount: 0,
      sentByteCount: 0,
      bitsPerSecond: 0,
      connectionCount: 0
    )
  }

  var isReceiver: Bool { session.options.role == .receiver }

  func check(_ isTrue: Bool, _ promise: @autoclosure () -> String) {
    if !isTrue { fatalError("\(promise()) [\(session.phase)]") }
  }

  // MARK: The loop

  func run() {
    turn()
    // A tape has at most a few thousand bytes, and every step takes at least one.
    while !tape.isEmpty, outcome == nil { step() }
    endure()
  }

  /// Whatever happened, a signal ends the session within bounded time, if the kernel completes what
  /// is to be stopped.
  private func endure() {
    if outcome == nil {
      handle(.interrupted(signal: 15))
      turn()
    }
    for _ in 0..<100 where outcome == nil {
      for index in pending.indices.reversed() where index < pending.count {
        let operation = pending[index].operation
        if pending[index].isStopped || operation.connection != nil && !operation.isAccept {
          complete(index, .failed(Failure(.cancelled)))
        }
      }
      now = now + .milliseconds(100)
      turn()
    }
    check(outcome != nil, "the session does not end")
  }

  private func step() {
    switch tape.byte() {
    case 0..<170: proceed(oddness: 0)
    case 170..<200: proceed(oddness: 40)
    case 200..<215: proceed(oddness: 200)
    case 215..<225: pass(.milliseconds(Int64(tape.byte()) * 4))
    case 225..<230: pass(.seconds(Int64(tape.byte())))
    case 230..<238: failOne()
    case 238..<245: release()
    case 245..<250: repeatOldToken()
    case 250..<253: proceed(oddness: 0, isBatch: true)
    case 253: stranger()
    default: handle(.interrupted(signal: 2))
    }
    if tape.byte() < 240 { turn() }
  }

  private func pass(_ time: Duration) { now = now + time }

  /// Lets the kernel complete something: as the honest world would, or oddly.
  private func proceed(oddness: UInt8, isBatch: Bool = false) {
    let first = tape.choice(pending.count)
    for distance in 0..<pending.count {
      let index = (first + distance) % pending.count
      guard index < pending.count, let result = result(of: index, oddness) else { continue }
      complete(index, result)
      if !isBatch { return }
      if pending.isEmpty { return }
    }
    // Nothing can happen before some time has passed.
    pass(.milliseconds(11))
    release()
  }

  private func failOne() {
    guard !pending.isEmpty else { return }
    let index = tape.choice(pending.count)
    let kinds: [Failure.Kind] = [
      .reset, .refused, .timedOut, .unreachable, .brokenPipe, .noSpace, .cancelled, .noBuffers,
      .notSupported, .addressInUse, .other,
    ]
    complete(index, .failed(Failure(kinds[tape.choice(kinds.count)], code: 5)))
  }

  private func release() {
    guard !releases.isEmpty else { return }
    let (token, slot) = releases.remove(at: tape.choice(releases.count))
    slots[slot.index].readers -= 1
    handle(.released(token, wasCopied: tape.isOdd(share: 100)))
  }

  private func repeatOldToken() {
    guard !pastTokens.isEmpty else { return }
    let token = pastTokens[tape.choice(pastTokens.count)]
    if releases.contains(where: { $0.token == token }) || !tape.isOdd(share: 128) {
      handle(.completed(token, .done(Int(tape.byte())), releaseFollows: tape.isOdd(share: 50)))
    } else {
      handle(.released(token, wasCopied: false))
    }
  }

  /// Somebody else comes: the accept completes, if there is one.
  private func stranger() {
    guard let index = pending.firstIndex(where: { $0.operation.isAccept }) else { return }
    complete(index, .done(0))
  }

  // MARK: Towards the session

  func handle(_ event: Event, control: [UInt8] = []) {
    trace("> \(event)")
    session.handle(event, control: control.span, at: now)
  }

  func turn() {
    session.advance(to: now)
    // Each connection asks for a few things a turn; a session that never stops asking spins.
    for _ in 0..<20_000 {
      guard let action = session.nextAction() else {
        check(session.brokenInvariant == nil, session.brokenInvariant ?? "")
        check(session.connections.count <= Limits.connectionTableSize, "the table grew")
        _ = session.nextDeadline
        return
      }
      perform(action)
    }
    check(false, "a turn does not end")
  }
}

extension Transfer.Operation {
  /// The connection that it is about.
  var connection: ConnectionID? {
    switch self {
    case .connect(let id, _, _), .accept(let id), .send(let id, _, _), .receive(let id, _): id
    case .read, .write, .writeZeros, .clear, .flush, .writeJournal, .watchOutput, .awaitCommand,
      .synchronize, .publish:
      nil
    }
  }

  var isAccept: Bool { if case .accept = self { true } else { false } }
}

/// Whether to tell what happens, for one input at a time.
private let isTracing = unsafe getenv("FUZZ_TRACE") != nil

func trace(_ text: @autoclosure () -> String) {
  // One write each, so that the last step before a trap is told as well.
  guard isTracing else { return }
  let line = Array((text() + "\n").utf8)
  _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// No chance at all: an input does the same each time.
private struct NoChance: RandomNumberGenerator {
  func next() -> UInt64 { 0x9E37_79B9_7F4A_7C15 }
}
