import Testing
import Wire

// Goal: two versions of braid, or braid and anything else, find out what they are to each other.
// Method: as for frame headers; the proof is the one field that the check value does not cover.
// A failure means: an old peer is misread, or random bytes from a port scan stop the listener.

private let goldenHello: (Greeting, String) = {
  let session = SessionID(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)
  var hello = Greeting(.hello, role: .sender, session: session, frameByteCount: 262_144)
  hello.isKeyed = true
  hello.connectionCount = 8
  hello.connectionNumber = 3
  hello.streamByteCount = 0x1234
  hello.nonce = bytes32(from: 0x20)
  hello.proof = bytes32(from: 0xA0)
  let text = """
    8962726169640d0a 0100 01 01 0100 0800 03000000 00000400 3412000000000000
    000102030405060708090a0b0c0d0e0f
    202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
    0000 00000000000000000000 686e71ce
    a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf
    """
  return (hello, text)
}()

private let goldenRefusal: (Greeting, String) = {
  var refusal = Greeting(
    .refusal,
    role: .receiver,
    session: SessionID(low: 0, high: 0),
    frameByteCount: 65_536
  )
  refusal.refusal = .keyWrong
  let text = """
    8962726169640d0a 0100 04 02 0000 0100 00000000 00000100 ffffffffffffffff
    00000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000
    0500 00000000000000000000 6fb95ba8
    0000000000000000000000000000000000000000000000000000000000000000
    """
  return (refusal, text)
}()

private let goldenBench: (Greeting, String) = {
  var hello = goldenHello.0
  hello.isKeyed = false
  hello.isBench = true
  hello.isUnchecked = true
  hello.streamByteCount = BenchTime(total: 11_000, omitted: 1000)?.wire ?? 0
  hello.proof = .zero
  let text = """
    8962726169640d0a 0100 01 01 0c00 0800 03000000 00000400 f82a0000e8030000
    000102030405060708090a0b0c0d0e0f
    202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
    0000 00000000000000000000 15e19a35
    0000000000000000000000000000000000000000000000000000000000000000
    """
  return (hello, text)
}()

private func randomGreeting(_ random: inout SplitMix64) -> Greeting {
  let kinds: [Greeting.Kind] = [.hello, .welcome, .confirm, .refusal]
  var greeting = Greeting(
    kinds.randomElement(using: &random) ?? .hello,
    role: Bool.random(using: &random) ? .sender : .receiver,
    session: SessionID(low: random.next(), high: random.next()),
    frameByteCount: UInt32.random(in: Greeting.frameByteCountRange, using: &random)
  )
  greeting.isKeyed = Bool.random(using: &random)
  greeting.isBench = Bool.random(using: &random)
  greeting.isUnchecked = Bool.random(using: &random)
  greeting.isPaired = Bool.random(using: &random)
  greeting.connectionNumber = UInt32(truncatingIfNeeded: random.next())
  greeting.connectionCount = UInt16(truncatingIfNeeded: random.next())
  greeting.refusal = Refusal.allCases.randomElement(using: &random) ?? .none
  greeting.streamByteCount = random.next()
  greeting.nonce = random.bytes32()
  greeting.proof = random.bytes32()
  return greeting
}

@Test func `greetings have the bytes that the protocol says`() {
  for (greeting, text) in [goldenHello, goldenBench, goldenRefusal] {
    #expect(hex(encoded(greeting)) == text.filter { !$0.isWhitespace })
    #expect(decodedGreeting(bytes(hex: text)) == .success(greeting))
  }
}

@Test func `a greeting survives the way there and back`() {
  var random = SplitMix64(seed: 11)
  for _ in 0..<500 {
    let greeting = randomGreeting(&random)
    #expect(decodedGreeting(encoded(greeting)) == .success(greeting))
  }
}

@Test func `every cut-off greeting is an error that says how many bytes are missing`() {
  let whole = encoded(goldenHello.0)
  for count in 0..<whole.count {
    let result = decodedGreeting(Array(whole.prefix(count)))
    #expect(result == .failure(.truncated(needed: 128, found: count)))
  }
}

@Test func `every change of one byte of a greeting is noticed, or changes only the proof`() {
  let (hello, _) = goldenHello
  let whole = encoded(hello)
  for index in whole.indices {
    for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] as [UInt8] {
      var changed = whole
      changed[index] ^= change
      let result = decodedGreeting(changed)
      switch index {
      case 0..<8:
        #expect(result == .failure(.notBraid))
      case 8..<10:
        let version = UInt16(changed[8]) | UInt16(changed[9]) << 8
        #expect(result == .failure(.unsupportedVersion(version)))
      case 10..<96:
        #expect(result == .failure(.damaged))
      default:
        var expected = hello
        expected.proof = Bytes32(changed.span, at: 96)
        #expect(result == .success(expected))
        #expect(!expected.proof.isEqualInConstantTime(to: hello.proof))
      }
    }
  }
}

@Test func `greetings with meaningless values are refused even under a right check value`() {
  func result(_ index: Int, _ value: [UInt8]) -> Result<Greeting, WireError> {
    var changed = encoded(goldenHello.0)
    changed.replaceSubrange(index..<(index + value.count), with: value)
    seal(greeting: &changed)
    return decodedGreeting(changed)
  }
  for value in [0, 5, 255] as [UInt8] {
    let kind = WireError.unknownValue(field: .greetingKind, value: UInt64(value))
    #expect(result(10, [value]) == .failure(kind))
  }
  for value in [0, 3, 255] as [UInt8] {
    let role = WireError.unknownValue(field: .role, value: UInt64(value))
    #expect(result(11, [value]) == .failure(role))
  }
  #expect(result(20, [0xFF, 0x0F, 0, 0]) == .failure(.badLength(kind: .data, byteCount: 4095)))
  #expect(
    result(20, [1, 0, 0x10, 0]) == .failure(.badLength(kind: .data, byteCount: (1 << 20) + 1))
  )
}

@Test func `reserved values of a greeting do not matter to this version`() {
  for (greeting, _) in [goldenHello, goldenRefusal] {
    var changed = encoded(greeting)
    changed[12] |= 0xE0
    changed[13] = 0xFF
    for index in 82..<92 { changed[index] = 0x55 }
    seal(greeting: &changed)
    #expect(decodedGreeting(changed) == .success(greeting))
  }
}

@Test func `a reason for refusing that this version does not know is still a refusal`() throws {
  var changed = encoded(goldenRefusal.0)
  changed[80] = 200
  seal(greeting: &changed)
  #expect(try decodedGreeting(changed).get().refusal == .malformed)
}

@Test func `a transcript is the greeting without its proof`() {
  var bare = goldenHello.0
  bare.proof = .zero
  #expect(goldenHello.0.transcript == encoded(bare))
  #expect(goldenHello.0.transcript == bare.transcript)
}

@Test func `random bytes are never a greeting`() {
  var random = SplitMix64(seed: 12)
  for _ in 0..<2000 {
    let noise = random.bytes(Int.random(in: 0...256, using: &random))
    let expected: WireError =
      noise.count < 128 ? .truncated(needed: 128, found: noise.count) : .notBraid
    #expect(decodedGreeting(noise) == .failure(expected))
  }
}

@Test func `random fields of a greeting under a right check value are refused or understood`() {
  var random = SplitMix64(seed: 13)
  let opening = Array(encoded(goldenHello.0).prefix(10))
  var understoodCount = 0
  for _ in 0..<2000 {
    var noise = opening + random.bytes(118)
    if Bool.random(using: &random) {
      noise[10] = UInt8.random(in: 1...4, using: &random)
      noise[11] = UInt8.random(in: 1...2, using: &random)
      noise.replaceSubrange(22..<24, with: [UInt8.random(in: 0...16, using: &random), 0])
    }
    seal(greeting: &noise)
    guard case .success(let greeting) = decodedGreeting(noise) else { continue }
    understoodCount += 1
    #expect(decodedGreeting(encoded(greeting)) == .success(greeting))
  }
  #expect(understoodCount > 300, "the hurdles are out of the way often enough")
}

@Test func `proofs are equal only when all 32 bytes are`() {
  let proof = bytes32(from: 0)
  #expect(proof.isEqualInConstantTime(to: proof))
  for index in 0..<32 {
    var changed = Array(0..<32 as Range<UInt8>)
    changed[index] ^= 0x80
    let other = Bytes32(changed.span)
    #expect(!proof.isEqualInConstantTime(to: other))
    #expect(proof != other)
  }
}

@Test func `a time to measure survives the way there and back, and nonsense does not`() {
  for (total, omitted) in [(1, 0), (11_000, 1000), (BenchTime.limit, BenchTime.limit - 1)]
    as [(UInt32, UInt32)]
  {
    let time = BenchTime(total: total, omitted: omitted)
    #expect(time != nil)
    #expect(time.flatMap { BenchTime(wire: $0.wire) } == time)
  }
  for wire in [0, .max, 1 << 32 | 1, UInt64(BenchTime.limit) + 1] as [UInt64] {
    #expect(BenchTime(wire: wire) == nil)
  }
}

@Test func `a role's opposite is the other one`() {
  #expect(Role.sender.opposite == .receiver)
  #expect(Role.receiver.opposite == .sender)
}
