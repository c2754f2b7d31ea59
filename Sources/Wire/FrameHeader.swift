/// What a frame is for; raw values are never reused and never reordered.
public enum FrameKind: UInt8, Sendable, CaseIterable {
  /// A piece of the stream. Sender to receiver.
  case data = 1
  /// A run of zero bytes of the stream that needs no payload. Sender to receiver.
  case hole = 2
  /// What was received on this connection and what was written. Receiver to sender.
  case ack = 3
  /// One frame on this connection had a wrong checksum; send it again. Receiver to sender.
  case reject = 4
  /// The stream is complete: its length and digest. Sender to receiver.
  case end = 5
  /// The receiver's last word about the whole stream. Receiver to sender.
  case verdict = 6
  /// The speaker gives up, and why. Both ways.
  case abort = 7
  /// The speaker is alive. Both ways.
  case heartbeat = 8
  /// Bytes per link at the speaker. Both ways.
  case status = 9
  /// The speaker will close this connection, and nothing is lost by it. Both ways.
  case goodbye = 10
  /// Filler to be thrown away: it shows which links the connection crosses. Both ways.
  case sounding = 11
  /// The side that dials is asked to have so many connections. Sender to receiver.
  case request = 12
  /// What the sender reads. Sender to receiver.
  case source = 13

  /// "a data frame", "an end frame".
  public var phrase: String {
    let name = "\(self)"
    return "\("aeio".contains(name.prefix(1)) ? "an" : "a") \(name) frame"
  }
}

/// The fixed 40-byte header of every message after the handshake.
///
/// | bytes | field |
/// |---|---|
/// | 0 | kind |
/// | 1 | flags, zero (bit 0 is kept for an encrypted payload) |
/// | 2..<4 | stream, zero (kept for a second direction) |
/// | 4..<8 | length of the payload that follows, in bytes |
/// | 8..<16 | offset |
/// | 16..<24 | number |
/// | 24..<32 | value |
/// | 32..<36 | detail |
/// | 36..<40 | check: low half of XXH64 of bytes 0..<36, seeded by the session |
///
/// What offset, number, value and detail mean depends on the kind.
///
/// - Source: Protocol.md, "Frames".
public struct FrameHeader: Equatable, Sendable {
  /// Encoded size, in bytes.
  public static let byteCount = 40
  /// Largest payload of any kind but data and sounding, in bytes.
  public static let controlPayloadLimit: UInt32 = 2048

  /// What the frame is for.
  public var kind: FrameKind
  /// Bytes of payload that follow the header.
  public var length: UInt32
  /// A place in the stream, in bytes.
  ///
  /// Data, hole, reject: where the payload starts. Ack, heartbeat, verdict, abort: the written offset.
  /// End: the length of the stream.
  public var offset: UInt64
  /// A frame number.
  ///
  /// Data, hole, reject: the frame's own. Ack: the first outside the window. End: how many there are.
  public var number: UInt64
  /// A checksum or a count.
  ///
  /// Data: XXH3-64 of the payload. Hole: its length. Ack, reject: frames of this connection processed
  /// so far. End: the digest. Else XXH64 of the payload.
  public var value: UInt64
  /// Verdict, abort: an `Ending`; sounding: which one; hole: a `Zeros`; else zero.
  public var detail: UInt32

  /// The detail of a hole.
  public enum Zeros: UInt32, Sendable {
    /// The zeros may become, or stay, a hole.
    case hole = 0
    /// The source has taken space for them.
    case allocated = 1
  }

  /// Bytes of the stream that a data frame or a hole stands for.
  public var span: UInt64 { kind == .hole ? value : UInt64(length) }

  /// A header with all fields given.
  public init(
    _ kind: FrameKind,
    length: UInt32 = 0,
    offset: UInt64 = 0,
    number: UInt64 = 0,
    value: UInt64 = 0,
    detail: UInt32 = 0
  ) {
    self.kind = kind
    self.length = length
    self.offset = offset
    self.number = number
    self.value = value
    self.detail = detail
  }

  /// Decodes 40 bytes that were written under the same session seed.
  ///
  /// - Throws: `WireError.damaged` before any field is used; then what is wrong with the field.
  /// - Complexity: O(1), no allocation.
  public init(decoding bytes: Span<UInt8>, seed: UInt64) throws(WireError) {
    guard bytes.count >= Self.byteCount else {
      throw .truncated(needed: Self.byteCount, found: bytes.count)
    }
    let check = UInt32(truncatingIfNeeded: XXH64.hash(bytes.extracting(0..<36), seed: seed))
    guard bytes.load(UInt32.self, at: 36) == check else { throw .damaged }
    guard let kind = FrameKind(rawValue: bytes[0]) else {
      throw .unknownValue(field: .frameKind, value: UInt64(bytes[0]))
    }
    guard bytes[1] == 0 else { throw .unknownValue(field: .flags, value: UInt64(bytes[1])) }
    let stream: UInt16 = bytes.load(at: 2)
    guard stream == 0 else { throw .unknownValue(field: .stream, value: UInt64(stream)) }
    self.kind = kind
    length = bytes.load(at: 4)
    offset = bytes.load(at: 8)
    number = bytes.load(at: 16)
    value = bytes.load(at: 24)
    detail = bytes.load(at: 32)
    guard Self.allowedLength(of: kind).contains(length) else {
      throw .badLength(kind: kind, byteCount: length)
    }
  }

  /// Encodes into the first 40 bytes of `out`.
  ///
  /// - Precondition: `out.count >= FrameHeader.byteCount`.
  public func encode(into out: inout MutableSpan<UInt8>, seed: UInt64) {
    precondition(out.count >= Self.byteCount)
    out[0] = kind.rawValue
    out[1] = 0
    out.store(UInt16(0), at: 2)
    out.store(length, at: 4)
    out.store(offset, at: 8)
    out.store(number, at: 16)
    out.store(value, at: 24)
    out.store(detail, at: 32)
    let check = XXH64.hash(out.span.extracting(0..<36), seed: seed)
    out.store(UInt32(truncatingIfNeeded: check), at: 36)
  }

  /// Payload sizes that a kind may have, in bytes.
  public static func allowedLength(of kind: FrameKind) -> ClosedRange<UInt32> {
    switch kind {
    case .data: 1...Greeting.frameByteCountRange.upperBound
    case .sounding: 0...Greeting.frameByteCountRange.upperBound
    case .verdict, .abort, .status, .source: 0...controlPayloadLimit
    case .hole, .ack, .reject, .end, .heartbeat, .goodbye, .request: 0...0
    }
  }
}
