/// One of the four messages of the handshake, 128 bytes each.
///
/// The dialler says `hello`, the listener answers `welcome` or `refusal`, the dialler says `confirm`.
/// Magic, version, kind and refusal keep their places in every future version, so that any two
/// versions can tell each other why they will not talk.
///
/// - Source: Protocol.md, "Handshake".
public struct Greeting: Equatable, Sendable {
  /// Encoded size, in bytes.
  public static let byteCount = 128
  /// `0x89 "braid" CR LF`: not text, and damaged by anything that translates line ends.
  public static let magic: UInt64 = 0x0A0D_6469_6172_6289
  /// The protocol version that this code speaks.
  public static let version: UInt16 = 1
  /// Largest frame payload that any side may name, in bytes.
  public static let frameByteCountRange: ClosedRange<UInt32> = 4096...1_048_576
  /// `streamByteCount` of a stream whose length nobody knows yet.
  public static let unknownStreamLength = UInt64.max

  /// Which message of the handshake this is.
  public enum Kind: UInt8, Sendable {
    case hello = 1
    case welcome = 2
    case confirm = 3
    case refusal = 4
  }

  /// Which message of the handshake this is.
  public var kind: Kind
  /// What the speaker does with the stream.
  public var role: Role
  /// Whether the speaker has a key and wants proof of it.
  public var isKeyed = false
  /// Whether the dialler has heard frames of this session: only a listener that runs it may join in.
  public var isContinuing = false
  /// Whether the session measures: nothing is read from an input or written to an output.
  public var isBench = false
  /// Whether payloads have no checksum; only in a session that measures.
  public var isUnchecked = false
  /// Whether a second session measures the other direction at the same time (`SessionID.partner`).
  public var isPaired = false
  /// The dialler's number for this connection, from 0, never used twice in a session.
  public var connectionNumber: UInt32 = 0
  /// How many connections the dialler means to open at first, 1...65535.
  public var connectionCount: UInt16 = 1
  /// Why not; `.none` in all but a refusal.
  public var refusal: Refusal = .none
  /// Largest payload the speaker wants in one frame, in bytes; the smaller of both sides counts.
  public var frameByteCount: UInt32
  /// Length of the stream in bytes where the sender knows it, else `unknownStreamLength`; in the hello
  /// and confirm of a session that measures, a `BenchTime`.
  public var streamByteCount: UInt64 = Greeting.unknownStreamLength
  /// The session that the dialler opens or joins.
  public var session: SessionID
  /// Fresh random bytes of the speaker.
  public var nonce: Bytes32 = .zero
  /// HMAC-SHA256 over the transcript so far; zero without a key.
  public var proof: Bytes32 = .zero

  /// A greeting without proof.
  public init(_ kind: Kind, role: Role, session: SessionID, frameByteCount: UInt32) {
    self.kind = kind
    self.role = role
    self.session = session
    self.frameByteCount = frameByteCount
  }

  /// Decodes 128 bytes.
  ///
  /// - Throws: `WireError.notBraid` before anything else is looked at, `.unsupportedVersion` before
  ///   anything of that version is; then `.damaged` or `.unknownValue`.
  public init(decoding bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count >= Self.byteCount else {
      throw .truncated(needed: Self.byteCount, found: bytes.count)
    }
    guard bytes.load(UInt64.self, at: 0) == Self.magic else { throw .notBraid }
    let version: UInt16 = bytes.load(at: 8)
    guard version == Self.version else { throw .unsupportedVersion(version) }
    guard bytes.load(UInt32.self, at: 92) == Self.check(bytes) else { throw .damaged }
    guard let kind = Kind(rawValue: bytes[10]) else {
      throw .unknownValue(field: .greetingKind, value: UInt64(bytes[10]))
    }
    guard let role = Role(rawValue: bytes[11]) else {
      throw .unknownValue(field: .role, value: UInt64(bytes[11]))
    }
    self.kind = kind
    self.role = role
    isKeyed = bytes.load(UInt16.self, at: 12) & 1 != 0
    isContinuing = bytes.load(UInt16.self, at: 12) & 2 != 0
    isBench = bytes.load(UInt16.self, at: 12) & 4 != 0
    isUnchecked = bytes.load(UInt16.self, at: 12) & 8 != 0
    isPaired = bytes.load(UInt16.self, at: 12) & 16 != 0
    connectionCount = bytes.load(at: 14)
    connectionNumber = bytes.load(at: 16)
    frameByteCount = bytes.load(at: 20)
    streamByteCount = bytes.load(at: 24)
    session = SessionID(low: bytes.load(at: 32), high: bytes.load(at: 40))
    nonce = Bytes32(bytes, at: 48)
    refusal = Refusal(rawValue: bytes.load(at: 80)) ?? .malformed
    proof = Bytes32(bytes, at: 96)
    guard Self.frameByteCountRange.contains(frameByteCount) else {
      throw .badLength(kind: .data, byteCount: frameByteCount)
    }
  }

  /// Encodes into the first 128 bytes of `out`.
  ///
  /// - Precondition: `out.count >= Greeting.byteCount`.
  public func encode(into out: inout MutableSpan<UInt8>) {
    precondition(out.count >= Self.byteCount)
    out.store(Self.magic, at: 0)
    out.store(Self.version, at: 8)
    out[10] = kind.rawValue
    out[11] = role.rawValue
    out.store(flags, at: 12)
    out.store(connectionCount, at: 14)
    out.store(connectionNumber, at: 16)
    out.store(frameByteCount, at: 20)
    out.store(streamByteCount, at: 24)
    out.store(session.low, at: 32)
    out.store(session.high, at: 40)
    nonce.store(into: &out, at: 48)
    out.store(refusal.rawValue, at: 80)
    // Bytes 82..<92 are reserved: the cipher and its parameters will stand here.
    out.store(UInt16(0), at: 82)
    out.store(UInt64(0), at: 84)
    proof.store(into: &out, at: 96)
    out.store(Self.check(out.span), at: 92)
  }

  private var flags: UInt16 {
    (isKeyed ? 1 : 0) | (isContinuing ? 2 : 0) | (isBench ? 4 : 0) | (isUnchecked ? 8 : 0)
      | (isPaired ? 16 : 0)
  }

  /// The 128 bytes as an array: what a proof is computed over, with the proof itself left out.
  public var transcript: [UInt8] {
    var greeting = self
    greeting.proof = .zero
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    var span = bytes.mutableSpan
    greeting.encode(into: &span)
    return bytes
  }

  /// The check covers all that stands before it; the proof protects itself.
  private static func check(_ bytes: Span<UInt8>) -> UInt32 {
    UInt32(truncatingIfNeeded: XXH64.hash(bytes.extracting(0..<92)))
  }
}
