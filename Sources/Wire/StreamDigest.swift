/// A digest over all frames of a stream that does not depend on their order.
///
/// The sum, modulo 2^64, of one well-mixed word per frame. Frames of one stream may be cut in any
/// way, but both ends see the same cuts, so the sums agree if and only if (up to a chance of 2^-64)
/// the same frames with the same checksums were added.
///
/// - Source: Protocol.md, "End and verdict".
public struct StreamDigest: Equatable, Sendable {
  /// The sum so far; zero for an empty stream.
  public private(set) var value: UInt64 = 0

  /// The digest of an empty stream.
  public init() {}

  /// Adds a data frame, or a hole, which counts with the checksum 0, once.
  public mutating func add(_ header: FrameHeader) {
    let checksum = header.kind == .data ? header.value : 0
    add(offset: header.offset, length: header.span, checksum: checksum)
  }

  /// Adds one frame, once.
  public mutating func add(offset: UInt64, length: UInt64, checksum: UInt64) {
    // Odd multipliers (from splitmix64 and the golden ratio) keep the three fields apart.
    let place = XXH64.avalanche(offset &* 0x9E37_79B9_7F4A_7C15 ^ length &* 0xBF58_476D_1CE4_E5B9)
    value &+= XXH64.avalanche(place ^ checksum)
  }
}
