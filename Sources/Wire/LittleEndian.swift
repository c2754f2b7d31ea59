// Integers as they stand on the wire: little-endian, at fixed offsets, no alignment assumed.

extension Span where Element == UInt8 {
  /// Reads one little-endian integer.
  ///
  /// - Precondition: `offset + size of T <= count`; callers check the length once, before any field.
  package func load<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type = T.self, at offset: Int)
    -> T
  {
    var value: T = 0
    for index in 0..<(T.bitWidth / 8) {
      value |= T(truncatingIfNeeded: self[offset + index]) << T(truncatingIfNeeded: index * 8)
    }
    return value
  }
}

extension MutableSpan where Element == UInt8 {
  /// Writes one little-endian integer.
  package mutating func store<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
    for index in 0..<(T.bitWidth / 8) {
      self[offset + index] = UInt8(
        truncatingIfNeeded: value >> T(truncatingIfNeeded: index * 8)
      )
    }
  }
}
