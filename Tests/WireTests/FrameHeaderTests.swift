import Testing
import Wire

// Goal: a frame header means the same to every implementation, and a damaged one means nothing.
// Method: hex made by another implementation (Python's struct and xxhash), round trips, all
// truncations, all changes of one byte, many random headers; a trap ends the whole run.
// A failure means: the format has changed (raise the version), or a stranger can stop a receiver.

private let seed: UInt64 = 0x0123_4567_89AB_CDEF

private let golden: [(FrameHeader, String)] = [
  (
    FrameHeader(.data, length: 6, offset: 0x10, number: 2, value: 0x1122_3344_5566_7788),
    "010000000600000010000000000000000200000000000000887766554433221100000000cc217aba"
  ),
  (
    FrameHeader(.hole, offset: 4096, number: 3, value: 1 << 20),
    "0200000000000000001000000000000003000000000000000000100000000000000000004cb321be"
  ),
  (
    FrameHeader(
      .ack,
      offset: 0x0102_0304_0506_0708,
      number: 0x1112_1314_1516_1718,
      value: 0x2122_2324_2526_2728
    ),
    "030000000000000008070605040302011817161514131211282726252423222100000000dcc77fe7"
  ),
  (
    FrameHeader(.reject, offset: 262_144, number: 1, value: 7),
    "0400000000000000000004000000000001000000000000000700000000000000000000007563edd0"
  ),
  (
    FrameHeader(.end, offset: 6, number: 1, value: 0xFEED_FACE_CAFE_BEEF),
    "050000000000000006000000000000000100000000000000efbefecacefaedfe00000000edccfbeb"
  ),
  (
    FrameHeader(.verdict, length: 5, offset: 6, value: 0x26C7_827D_889F_6DA3, detail: 3),
    "060000000500000006000000000000000000000000000000a36d9f887d82c726030000006e400e8f"
  ),
  (
    FrameHeader(.abort, length: 5, value: 0x26C7_827D_889F_6DA3, detail: 6),
    "070000000500000000000000000000000000000000000000a36d9f887d82c726060000002050c9de"
  ),
  (
    FrameHeader(.heartbeat, offset: 9),
    "0800000000000000090000000000000000000000000000000000000000000000000000003a42556e"
  ),
  (
    FrameHeader(.status, length: 31, value: 0x8877_6655_4433_2211),
    "090000001f000000000000000000000000000000000000001122334455667788000000004cf4b84c"
  ),
  (
    FrameHeader(.goodbye),
    "0a000000000000000000000000000000000000000000000000000000000000000000000075ff104d"
  ),
  (
    FrameHeader(.sounding, length: 65_536, detail: 0xA1B2_C3D4),
    "0b00000000000100000000000000000000000000000000000000000000000000d4c3b2a1240920ba"
  ),
  (
    FrameHeader(.request, number: 16),
    "0c00000000000000000000000000000010000000000000000000000000000000000000004efa64e2"
  ),
  (
    FrameHeader(.source, length: 40, value: 0x1122_3344_5566_7788),
    "0d0000002800000000000000000000000000000000000000887766554433221100000000e2f5864c"
  ),
]

private func randomHeader(_ random: inout SplitMix64) -> FrameHeader {
  let kind = FrameKind.allCases.randomElement(using: &random) ?? .data
  return FrameHeader(
    kind,
    length: UInt32.random(in: FrameHeader.allowedLength(of: kind), using: &random),
    offset: random.next(),
    number: random.next(),
    value: random.next(),
    detail: UInt32(truncatingIfNeeded: random.next())
  )
}

@Test func `every kind of frame has the bytes that the protocol says`() {
  #expect(golden.map(\.0.kind) == FrameKind.allCases, "one vector for each kind, in order")
  for (header, text) in golden {
    #expect(hex(encoded(header, seed: seed)) == text, "\(header.kind)")
    #expect(decodedHeader(bytes(hex: text), seed: seed) == .success(header), "\(header.kind)")
  }
}

@Test func `a header survives the way there and back`() {
  var random = SplitMix64(seed: 1)
  for _ in 0..<1000 {
    let header = randomHeader(&random)
    let seed = random.next()
    #expect(decodedHeader(encoded(header, seed: seed), seed: seed) == .success(header))
  }
}

@Test func `bytes behind a header are not looked at`() {
  let header = golden[0].0
  let longer = encoded(header, seed: seed) + [1, 2, 3]
  #expect(decodedHeader(longer, seed: seed) == .success(header))
  var out = [UInt8](repeating: 0xEE, count: 43)
  var span = out.mutableSpan
  header.encode(into: &span, seed: seed)
  #expect(Array(out[40...]) == [0xEE, 0xEE, 0xEE])
}

@Test func `every cut-off header is an error that says how many bytes are missing`() {
  let whole = encoded(golden[0].0, seed: seed)
  for count in 0..<whole.count {
    let result = decodedHeader(Array(whole.prefix(count)), seed: seed)
    #expect(result == .failure(.truncated(needed: 40, found: count)))
  }
}

@Test func `every change of one byte of a header is noticed`() {
  for (header, _) in golden {
    let whole = encoded(header, seed: seed)
    for index in whole.indices {
      // All eight single bits, and all bits at once.
      for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] as [UInt8] {
        var changed = whole
        changed[index] ^= change
        #expect(decodedHeader(changed, seed: seed) == .failure(.damaged))
      }
    }
  }
}

@Test func `a header of another session is damaged`() {
  for (header, _) in golden {
    let result = decodedHeader(encoded(header, seed: seed), seed: seed ^ 1)
    #expect(result == .failure(.damaged))
  }
}

@Test func `headers with meaningless values are refused even under a right check value`() {
  func refusal(_ index: Int, _ value: UInt8) -> Result<FrameHeader, WireError> {
    var changed = encoded(FrameHeader(.goodbye), seed: seed)
    changed[index] = value
    seal(&changed, seed: seed)
    return decodedHeader(changed, seed: seed)
  }
  let known = 1...UInt8(FrameKind.allCases.count)
  for kind in UInt8.min...UInt8.max where !known.contains(kind) {
    let error = WireError.unknownValue(field: .frameKind, value: UInt64(kind))
    #expect(refusal(0, kind) == .failure(error))
  }
  for flags in 1...UInt8.max {
    let error = WireError.unknownValue(field: .flags, value: UInt64(flags))
    #expect(refusal(1, flags) == .failure(error))
  }
  #expect(refusal(2, 1) == .failure(.unknownValue(field: .stream, value: 1)))
  #expect(refusal(3, 1) == .failure(.unknownValue(field: .stream, value: 256)))
}

/// Lengths that the protocol allows, written out a second time.
private let lengths: [FrameKind: ClosedRange<UInt32>] = [
  .data: 1...1_048_576, .hole: 0...0, .ack: 0...0, .reject: 0...0, .end: 0...0,
  .verdict: 0...2048, .abort: 0...2048, .heartbeat: 0...0, .status: 0...2048, .goodbye: 0...0,
  .sounding: 0...1_048_576, .request: 0...0,
  .source: 0...2048,
]

@Test(arguments: FrameKind.allCases)
func `a length outside what the kind allows is refused`(kind: FrameKind) throws {
  let allowed = try #require(lengths[kind])
  for length: UInt32 in [0, 1, 2047, 2048, 2049, 1 << 20, (1 << 20) + 1, 1 << 31, .max] {
    let header = FrameHeader(kind, length: length)
    let expected: Result<FrameHeader, WireError> =
      allowed.contains(length)
      ? .success(header) : .failure(.badLength(kind: kind, byteCount: length))
    #expect(decodedHeader(encoded(header, seed: seed), seed: seed) == expected)
  }
}

@Test func `kinds are named in good English`() {
  let names = FrameKind.allCases.map(\.phrase)
  #expect(names.prefix(3) == ["a data frame", "a hole frame", "an ack frame"])
  let exceptions = names.filter { $0.hasPrefix("an ") }
  #expect(exceptions == ["an ack frame", "an end frame", "an abort frame"])
  let damage = "the checksum of an abort frame does not fit its payload"
  #expect("\(WireError.damagedPayload(.abort))" == damage)
}

@Test func `random bytes are never a header`() {
  var random = SplitMix64(seed: 2)
  for _ in 0..<20_000 {
    let count = Int.random(in: 0...64, using: &random)
    let result = decodedHeader(random.bytes(count), seed: seed)
    #expect(result == .failure(count < 40 ? .truncated(needed: 40, found: count) : .damaged))
  }
}

@Test func `random fields of a header under a right check value are refused or mean those bytes`() {
  var random = SplitMix64(seed: 3)
  var understoodCount = 0
  for _ in 0..<20_000 {
    var noise = random.bytes(40)
    // Half of them with the rarest hurdles out of the way, so that the fields behind are reached.
    if Bool.random(using: &random) {
      noise[0] = UInt8.random(in: 1...12, using: &random)
      noise.replaceSubrange(1..<4, with: [0, 0, 0])
      noise.replaceSubrange(6..<8, with: [0, 0])
    }
    seal(&noise, seed: seed)
    guard case .success(let header) = decodedHeader(noise, seed: seed) else { continue }
    understoodCount += 1
    #expect(encoded(header, seed: seed) == noise)
  }
  #expect(understoodCount > 1000, "the hurdles are out of the way often enough")
}
