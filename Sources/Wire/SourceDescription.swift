/// What the sender reads: the payload of a `source` frame, 40 bytes.
///
/// Encoded as: length u64, bytes that take space u64, time of the last change u64, identity u64, kind
/// u8, seven zero bytes.
///
/// - Source: Protocol.md, "Source".
public struct SourceDescription: Equatable, Sendable {
  /// Encoded size, in bytes.
  public static let byteCount = 40
  /// Lengths that nobody knows.
  public static let unknown = UInt64.max

  /// What kind of thing it is.
  public enum Kind: UInt8, Sendable {
    /// A pipe or the like: read once, in order.
    case stream = 0
    /// A regular file.
    case file = 1
    /// A block device.
    case disk = 2
  }

  /// What kind of thing it is.
  public var kind: Kind
  /// Its length in bytes, from where reading starts; `unknown` of a stream.
  public var byteCount: UInt64
  /// Bytes of it that take space; `unknown` where that cannot be told.
  public var allocatedByteCount: UInt64
  /// When a file was last changed, in nanoseconds since 1970; else 0.
  public var modified: UInt64
  /// A number that another file or disk of that host hardly has; 0 of a stream.
  public var identity: UInt64

  /// All fields given.
  public init(
    kind: Kind,
    byteCount: UInt64 = Self.unknown,
    allocatedByteCount: UInt64 = Self.unknown,
    modified: UInt64 = 0,
    identity: UInt64 = 0
  ) {
    self.kind = kind
    self.byteCount = byteCount
    self.allocatedByteCount = allocatedByteCount
    self.modified = modified
    self.identity = identity
  }

  /// Whether what was read of one can be continued with the other: the space that it takes may differ.
  public func isSame(as other: Self) -> Bool {
    var other = other
    other.allocatedByteCount = allocatedByteCount
    return kind != .stream && self == other
  }

  /// The 40 bytes.
  public var encoded: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    var span = bytes.mutableSpan
    span.store(byteCount, at: 0)
    span.store(allocatedByteCount, at: 8)
    span.store(modified, at: 16)
    span.store(identity, at: 24)
    span[32] = kind.rawValue
    return bytes
  }

  /// Decodes a whole payload.
  ///
  /// - Throws: `WireError.truncated` for another length, `.unknownValue` for another kind.
  public init(decoding bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count == Self.byteCount else {
      throw .truncated(needed: Self.byteCount, found: bytes.count)
    }
    guard let kind = Kind(rawValue: bytes[32]) else {
      throw .unknownValue(field: .sourceKind, value: UInt64(bytes[32]))
    }
    self.kind = kind
    byteCount = bytes.load(at: 0)
    allocatedByteCount = bytes.load(at: 8)
    modified = bytes.load(at: 16)
    identity = bytes.load(at: 24)
  }
}
