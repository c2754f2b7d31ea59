/// Names one run of braid between two hosts: 128 random bits, chosen by the side that dials.
public struct SessionID: Hashable, Sendable {
  /// The first eight bytes on the wire.
  public var low: UInt64
  /// The last eight bytes on the wire.
  public var high: UInt64

  /// Puts a session's name together from its two halves.
  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// The other session of a pair; its partner is this one.
  public var partner: SessionID { SessionID(low: low ^ 1, high: high) }
}

/// Thirty-two opaque bytes: a nonce, or an HMAC-SHA256 proof.
public struct Bytes32: Hashable, Sendable {
  /// Four little-endian words, in wire order.
  public var words: (UInt64, UInt64, UInt64, UInt64)

  /// All bytes zero: "no proof".
  public static let zero = Bytes32((0, 0, 0, 0))

  /// Wraps four words in wire order.
  public init(_ words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// Reads 32 bytes.
  ///
  /// - Precondition: `bytes.count >= offset + 32`.
  public init(_ bytes: Span<UInt8>, at offset: Int = 0) {
    words = (
      bytes.load(at: offset), bytes.load(at: offset + 8),
      bytes.load(at: offset + 16), bytes.load(at: offset + 24)
    )
  }

  /// Compares in a time that does not depend on where the first difference is.
  ///
  /// Proofs are compared with nothing else: an early exit would tell an attacker how many bytes fit.
  public func isEqualInConstantTime(to other: Bytes32) -> Bool {
    let difference =
      (words.0 ^ other.words.0) | (words.1 ^ other.words.1)
      | (words.2 ^ other.words.2) | (words.3 ^ other.words.3)
    return difference == 0
  }

  /// Whether the words are the same; for nonces and tests.
  public static func == (left: Bytes32, right: Bytes32) -> Bool { left.words == right.words }

  /// Feeds the words to a hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }

  func store(into out: inout MutableSpan<UInt8>, at offset: Int) {
    out.store(words.0, at: offset)
    out.store(words.1, at: offset + 8)
    out.store(words.2, at: offset + 16)
    out.store(words.3, at: offset + 24)
  }
}

/// Which way the stream goes, seen from the side that speaks.
public enum Role: UInt8, Sendable {
  /// Reads the input and sends it.
  case sender = 1
  /// Receives the stream and writes the output.
  case receiver = 2

  /// What the other side must be.
  public var opposite: Role { self == .sender ? .receiver : .sender }
}

/// Why a listener, or a dialler that checked the listener's proof, will not talk.
public enum Refusal: UInt16, Sendable, Equatable, CaseIterable {
  /// No refusal; the value of every other greeting.
  case none = 0
  /// Another protocol version.
  case version = 1
  /// A session is running already, or has ended.
  case busy = 2
  /// The listener wants a key and the dialler has none.
  case keyNeeded = 3
  /// The dialler has a key and the listener has none.
  case keyUnexpected = 4
  /// The proofs do not fit: another key, or a recorded handshake.
  case keyWrong = 5
  /// Both sides send, or both receive.
  case sameRole = 6
  /// The greeting made no sense.
  case malformed = 7
  /// Too many connections of this session.
  case tooMany = 8
  /// The dialler continues a session that the listener does not run: who ran it is gone.
  case unknownSession = 9
  /// One side measures, the other carries data.
  case otherPurpose = 10
  /// The listener cannot measure both directions at once.
  case notPaired = 11
}

/// How long a session that measures lets data flow; the dialler says it in place of a length.
public struct BenchTime: Equatable, Sendable {
  /// Longest time, in milliseconds: a day.
  public static let limit: UInt32 = 86_400_000

  /// Milliseconds in which the sender sends, from when it joined.
  public var total: UInt32
  /// How many of them, from the start, are not counted; fewer than all.
  public var omitted: UInt32

  /// A time that makes sense; nil for any other.
  public init?(total: UInt32, omitted: UInt32) {
    guard total <= Self.limit, omitted < total else { return nil }
    self.total = total
    self.omitted = omitted
  }

  /// Decodes what stands in place of the stream's length: the total in the low half, the omitted part
  /// in the high one.
  public init?(wire: UInt64) {
    self.init(total: UInt32(truncatingIfNeeded: wire), omitted: UInt32(wire >> 32))
  }

  /// What stands in place of the stream's length.
  public var wire: UInt64 { UInt64(omitted) << 32 | UInt64(total) }
}

/// How a session ends, in the receiver's verdict or in either side's abort.
public enum Ending: UInt32, Sendable, Equatable, CaseIterable {
  /// Every byte was checked and written.
  case complete = 0
  /// The sender's input could not be read.
  case inputFailed = 1
  /// The receiver's output could not be written.
  case outputFailed = 2
  /// The consumer of the receiver's output has gone (EPIPE).
  case consumerGone = 3
  /// What arrived does not match what was sent.
  case mismatch = 4
  /// The peer broke the protocol.
  case protocolViolation = 5
  /// A signal or the user ended it.
  case interrupted = 6
  /// The network, or the peer, was silent for too long.
  case silent = 7
  /// A limit inside braid; never expected.
  case internalError = 8
}
