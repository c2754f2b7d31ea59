/// The only source of chance in a simulation: 64 bits of state, the same numbers everywhere.
///
/// - Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// Spreads every input bit over all output bits.
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A whole number in the range, both ends included.
  mutating func int(_ range: ClosedRange<Int>) -> Int {
    let span = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int(next() % span)
  }

  /// True once in about `1 / probability` calls.
  mutating func chance(_ probability: Double) -> Bool {
    guard probability > 0 else { return false }
    return Double(next() >> 11) * 0x1p-53 < probability
  }

  /// A number in the range whose magnitude, not whose value, is even: faults have to hit short
  /// phases as well as long ones.
  mutating func magnitude(_ range: ClosedRange<Int>) -> Int {
    precondition(range.lowerBound > 0)
    // Doublings between the ends, then a random place inside the chosen doubling.
    var low = range.lowerBound
    let doublings = (range.upperBound / low).bitWidth - (range.upperBound / low).leadingZeroBitCount
    for _ in 0..<int(0...max(doublings - 1, 0)) { low *= 2 }
    return int(low...min(low * 2, max(range.upperBound, low)))
  }

  /// One of the elements; every one is as likely.
  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[int(0...(elements.count - 1))]
  }
}
