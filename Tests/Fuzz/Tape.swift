/// The fuzzer's bytes, read as a list of choices; at its end every choice is 0, the honest one.
struct Tape {
  private let bytes: [UInt8]
  private var cursor = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isEmpty: Bool { cursor >= bytes.count }

  mutating func byte() -> UInt8 {
    guard cursor < bytes.count else { return 0 }
    defer { cursor += 1 }
    return bytes[cursor]
  }

  mutating func number() -> UInt64 {
    var value: UInt64 = 0
    for _ in 0..<8 { value = value << 8 | UInt64(byte()) }
    return value
  }

  /// 0..<count.
  mutating func choice(_ count: Int) -> Int { count < 2 ? 0 : Int(byte()) % count }

  /// True for bytes in the upper `share` 256ths; never at the end of the tape.
  mutating func isOdd(share: UInt8) -> Bool { byte() > 255 - share }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

  /// The honest value, one next to it, or one that has broken others.
  mutating func value(_ honest: UInt64, _ others: [UInt64] = []) -> UInt64 {
    let selector = byte()
    switch selector {
    case 0..<160: return honest
    case 160..<176: return honest &+ 1
    case 176..<192: return honest &- 1
    case 192..<216: return number()
    default:
      let odd = others + [0, 1, UInt64.max, .max - 1, 1 << 63, 1 << 32, UInt64(UInt32.max)]
      return odd[Int(selector) % odd.count]
    }
  }
}
