/// Bytes that one link has carried, as its host counts them: the payload of a `status` frame.
///
/// Encoded as: received bytes u64, sent bytes u64, speed in bit/s u64 (0: unknown; at most 2^53),
/// connections u16, name length u8, name. Links follow one another until the payload ends.
///
/// - Source: Protocol.md, "Status".
public struct LinkStatus: Equatable, Sendable {
  /// Most links in one status frame; more would not fit `FrameHeader.controlPayloadLimit`.
  public static let countLimit = 32
  /// Longest interface name in Linux, in bytes (IFNAMSIZ - 1).
  public static let nameByteLimit = 15
  /// Greatest speed, in bit/s: Linux tells 32 bits of Mbit/s.
  ///
  /// Those of one frame can be added up.
  public static let bitsPerSecondLimit: UInt64 = 1 << 53
  private static let fixedByteCount = 27

  /// The interface's name at its host.
  public var name: String
  /// Bytes received since the link was created.
  public var receivedByteCount: UInt64
  /// Bytes sent since the link was created.
  public var sentByteCount: UInt64
  /// Speed in bit/s, at most `bitsPerSecondLimit`; 0 where unknown.
  public private(set) var bitsPerSecond: UInt64
  /// Connections of this session on the link, as far as its host knows.
  public var connectionCount: UInt16

  /// One link's counters.
  public init(
    name: String,
    receivedByteCount: UInt64,
    sentByteCount: UInt64,
    bitsPerSecond: UInt64,
    connectionCount: UInt16
  ) {
    self.name = name
    self.receivedByteCount = receivedByteCount
    self.sentByteCount = sentByteCount
    self.bitsPerSecond = min(bitsPerSecond, Self.bitsPerSecondLimit)
    self.connectionCount = connectionCount
  }

  /// Encodes at most `countLimit` links; names are cut at `nameByteLimit` bytes.
  public static func encode(_ links: [LinkStatus]) -> [UInt8] {
    var bytes: [UInt8] = []
    for link in links.prefix(countLimit) {
      let name = Array(link.name.utf8.prefix(nameByteLimit))
      var fixed = [UInt8](repeating: 0, count: fixedByteCount)
      var span = fixed.mutableSpan
      span.store(link.receivedByteCount, at: 0)
      span.store(link.sentByteCount, at: 8)
      span.store(link.bitsPerSecond, at: 16)
      span.store(link.connectionCount, at: 24)
      span[26] = UInt8(name.count)
      bytes += fixed
      bytes += name
    }
    return bytes
  }

  /// Decodes a whole payload.
  ///
  /// - Throws: `WireError.truncated` where a link does not end with the payload,
  ///   `.unknownValue` for a name, a number of links or a speed out of range.
  public static func decode(_ bytes: Span<UInt8>) throws(WireError) -> [LinkStatus] {
    var links: [LinkStatus] = []
    var cursor = 0
    while cursor < bytes.count {
      guard cursor + fixedByteCount <= bytes.count else {
        throw .truncated(needed: cursor + fixedByteCount, found: bytes.count)
      }
      let nameLength = Int(bytes[cursor + 26])
      guard nameLength <= nameByteLimit, links.count < countLimit else {
        throw .unknownValue(field: .linkStatus, value: UInt64(nameLength))
      }
      let end = cursor + fixedByteCount + nameLength
      guard end <= bytes.count else { throw .truncated(needed: end, found: bytes.count) }
      let speed: UInt64 = bytes.load(at: cursor + 16)
      guard speed <= bitsPerSecondLimit else {
        throw .unknownValue(field: .linkStatus, value: speed)
      }
      links.append(
        LinkStatus(
          name: PeerText.decode(bytes.extracting((cursor + fixedByteCount)..<end)),
          receivedByteCount: bytes.load(at: cursor),
          sentByteCount: bytes.load(at: cursor + 8),
          bitsPerSecond: speed,
          connectionCount: bytes.load(at: cursor + 24)
        )
      )
      cursor = end
    }
    return links
  }
}

/// Text that the peer sent: the payload of a verdict or an abort.
public enum PeerText {
  /// Longest text, in bytes of UTF-8; one sentence.
  public static let byteLimit = 512

  /// Cuts a sentence to `byteLimit` bytes.
  public static func encode(_ text: String) -> [UInt8] { Array(text.utf8.prefix(byteLimit)) }

  /// Makes the bytes safe to print: the peer's text ends on our user's terminal.
  ///
  /// Everything but printable ASCII becomes `?`, so that no escape sequence can pass.
  public static func decode(_ bytes: Span<UInt8>) -> String {
    var text = ""
    for index in 0..<min(bytes.count, byteLimit) {
      let byte = bytes[index]
      text.unicodeScalars.append(
        byte >= 0x20 && byte < 0x7F ? Unicode.Scalar(byte) : "?"
      )
    }
    return text
  }
}
