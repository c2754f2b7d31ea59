public import Wire

/// What a receiver needs to know to continue a transfer that was cut off.
///
/// A file has two records, a page each, that are written in turn: when the machine dies while one is
/// written, the other is whole. What a record says stays true, so that the older will do.
public struct Journal: Equatable, Sendable {
  /// Bytes of a record in the file.
  public static let recordByteCount = 4096
  /// Length of the file.
  public static let fileByteCount = 2 * recordByteCount
  private static let magic: UInt64 = 0x6C6E_726A_6469_6172
  private static let version: UInt32 = 2
  private static let usedByteCount = 112

  /// What is being copied.
  public var source: SourceDescription
  /// Two numbers that another output of this host hardly has.
  public var target: (high: UInt64, low: UInt64)
  /// All bytes of the stream below it are on the disk.
  public var durableOffset: UInt64
  /// What these bytes add up to (`Action.sum`); nil if that was not wanted.
  public var sum: UInt64?
  /// Counts the records, so that the younger is known.
  public var sequence: UInt64

  /// All fields given.
  public init(
    source: SourceDescription,
    target: (high: UInt64, low: UInt64),
    durableOffset: UInt64,
    sum: UInt64?,
    sequence: UInt64
  ) {
    self.source = source
    self.target = target
    self.durableOffset = durableOffset
    self.sum = sum
    self.sequence = sequence
  }

  /// Compares all fields.
  public static func == (left: Self, right: Self) -> Bool {
    left.source == right.source && left.target == right.target
      && left.durableOffset == right.durableOffset && left.sum == right.sum
      && left.sequence == right.sequence
  }

  /// Where in the file this record stands, in bytes.
  public var place: UInt64 { sequence % 2 * UInt64(Self.recordByteCount) }

  /// The record's page.
  public var encoded: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.recordByteCount)
    var span = bytes.mutableSpan
    span.store(Self.magic, at: 0)
    span.store(Self.version, at: 8)
    span.store(sequence, at: 16)
    span.store(durableOffset, at: 24)
    span.store(target.high, at: 32)
    span.store(target.low, at: 40)
    for (index, byte) in source.encoded.enumerated() { span[48 + index] = byte }
    span.store(sum ?? 0, at: 88)
    span[96] = sum == nil ? 0 : 1
    span.store(XXH64.hash(span.span.extracting(0..<104)), at: 104)
    return bytes
  }

  /// The younger whole record of a journal file; nil if there is none.
  ///
  /// - Parameter bytes: of the file, of any length.
  public init?(decoding bytes: Span<UInt8>) {
    var best: Self?
    for place in [0, Self.recordByteCount] where bytes.count >= place + Self.usedByteCount {
      let record = Self(record: bytes.extracting(place..<place + Self.usedByteCount))
      if let record, record.sequence >= best?.sequence ?? 0 { best = record }
    }
    guard let best else { return nil }
    self = best
  }

  private init?(record bytes: Span<UInt8>) {
    guard bytes.load(UInt64.self, at: 0) == Self.magic,
      bytes.load(UInt32.self, at: 8) == Self.version,
      bytes.load(UInt64.self, at: 104) == XXH64.hash(bytes.extracting(0..<104)),
      let source = try? SourceDescription(decoding: bytes.extracting(48..<88))
    else { return nil }
    self.source = source
    sequence = bytes.load(at: 16)
    durableOffset = bytes.load(at: 24)
    sum = bytes[96] == 1 ? bytes.load(at: 88) : nil
    target = (bytes.load(at: 32), bytes.load(at: 40))
  }
}

/// Why an output and a source do not go together.
public enum Misfit: Equatable, Sendable {
  /// The disk is smaller than the source; both in bytes.
  case diskTooSmall(needed: UInt64, room: UInt64)
  /// The file system has not so much space; both in bytes.
  case noRoom(needed: UInt64, room: UInt64)
  /// What is to be continued was begun with another source, or it has changed since.
  case sourceChanged
  /// What is to be continued was begun with a file or disk, and now there is a stream.
  case sourceIsStream
  /// What is to be continued was begun without noting what it will be compared with.
  case nothingToCompare
}
