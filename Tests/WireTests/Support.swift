import Wire

/// Random numbers that are the same in every run: a failing test can be repeated.
///
/// - Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (SplitMix64).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(count + 8)
    while out.count < count {
      let word = next()
      for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
    }
    return Array(out.prefix(count))
  }

  mutating func bytes32() -> Bytes32 { Bytes32((next(), next(), next(), next())) }
}

/// Bytes of a hex text in which spaces and line ends mean nothing.
func bytes(hex: String) -> [UInt8] {
  let digits = hex.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

func encoded(_ header: FrameHeader, seed: UInt64) -> [UInt8] {
  var out = [UInt8](repeating: 0xEE, count: FrameHeader.byteCount)
  var span = out.mutableSpan
  header.encode(into: &span, seed: seed)
  return out
}

func encoded(_ greeting: Greeting) -> [UInt8] {
  var out = [UInt8](repeating: 0xEE, count: Greeting.byteCount)
  var span = out.mutableSpan
  greeting.encode(into: &span)
  return out
}

/// Puts a right check value behind the header's fields, whatever they are.
func seal(_ header: inout [UInt8], seed: UInt64) {
  store(XXH64.hash(header.span.extracting(0..<36), seed: seed), at: 36, of: &header)
}

/// Puts a right check value into a greeting, whatever its fields are.
func seal(greeting: inout [UInt8]) {
  store(XXH64.hash(greeting.span.extracting(0..<92)), at: 92, of: &greeting)
}

private func store(_ hash: UInt64, at offset: Int, of bytes: inout [UInt8]) {
  for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: hash >> (8 * index)) }
}

func decodedHeader(_ bytes: [UInt8], seed: UInt64) -> Result<FrameHeader, WireError> {
  do { return .success(try FrameHeader(decoding: bytes.span, seed: seed)) } catch {
    return .failure(error)
  }
}

func decodedGreeting(_ bytes: [UInt8]) -> Result<Greeting, WireError> {
  do { return .success(try Greeting(decoding: bytes.span)) } catch { return .failure(error) }
}

func decodedLinks(_ bytes: [UInt8]) -> Result<[LinkStatus], WireError> {
  do { return .success(try LinkStatus.decode(bytes.span)) } catch { return .failure(error) }
}

/// The peer's text as our user would see it.
func shown(_ bytes: [UInt8]) -> String { PeerText.decode(bytes.span) }

func xxh64(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 { XXH64.hash(bytes.span, seed: seed) }

/// Thirty-two bytes that count up.
func bytes32(from first: UInt8) -> Bytes32 { Bytes32(Array(first..<(first + 32)).span) }
