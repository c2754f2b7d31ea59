/// The 64-bit xxHash of a few bytes: the check of headers, greetings and small control payloads.
///
/// Payloads of data frames are checked with XXH3-64 instead, which is faster over large blocks and is
/// computed where the bytes are.
///
/// - Source: xxHash specification 0.1.1, "XXH64 algorithm description".
public enum XXH64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  /// Hashes `bytes` under `seed`.
  ///
  /// - Complexity: O(n), no allocation.
  public static func hash(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
    var cursor = 0
    var hash: UInt64
    if bytes.count >= 32 {
      hash = stripes(bytes, seed: seed, cursor: &cursor)
    } else {
      hash = seed &+ prime5
    }
    hash &+= UInt64(bytes.count)
    while cursor + 8 <= bytes.count {
      hash ^= round(0, bytes.load(at: cursor))
      hash = rotate(hash, 27) &* prime1 &+ prime4
      cursor += 8
    }
    if cursor + 4 <= bytes.count {
      hash ^= UInt64(bytes.load(UInt32.self, at: cursor)) &* prime1
      hash = rotate(hash, 23) &* prime2 &+ prime3
      cursor += 4
    }
    while cursor < bytes.count {
      hash ^= UInt64(bytes[cursor]) &* prime5
      hash = rotate(hash, 11) &* prime1
      cursor += 1
    }
    return avalanche(hash)
  }

  /// Spreads every input bit over all output bits; the specification's final mix.
  static func avalanche(_ value: UInt64) -> UInt64 {
    var hash = value
    hash ^= hash >> 33
    hash &*= prime2
    hash ^= hash >> 29
    hash &*= prime3
    return hash ^ (hash >> 32)
  }

  private static func stripes(_ bytes: Span<UInt8>, seed: UInt64, cursor: inout Int) -> UInt64 {
    var lane1 = seed &+ prime1 &+ prime2
    var lane2 = seed &+ prime2
    var lane3 = seed
    var lane4 = seed &- prime1
    while cursor + 32 <= bytes.count {
      lane1 = round(lane1, bytes.load(at: cursor))
      lane2 = round(lane2, bytes.load(at: cursor + 8))
      lane3 = round(lane3, bytes.load(at: cursor + 16))
      lane4 = round(lane4, bytes.load(at: cursor + 24))
      cursor += 32
    }
    var hash = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
    hash = merge(hash, lane1)
    hash = merge(hash, lane2)
    hash = merge(hash, lane3)
    return merge(hash, lane4)
  }

  private static func merge(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
    (hash ^ round(0, lane)) &* prime1 &+ prime4
  }

  private static func round(_ accumulator: UInt64, _ input: UInt64) -> UInt64 {
    rotate(accumulator &+ input &* prime2, 31) &* prime1
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    (value << count) | (value >> (64 - count))
  }
}
