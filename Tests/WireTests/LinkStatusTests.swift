import Testing
import Wire

// Goal: what the peer says about its links, and its sentences, can be shown to our user safely.
// Method: fixed hex, round trips, limits, truncations, random payloads, escape sequences.
// A failure means: a peer can write to our user's terminal, or stop us with a short payload.

private let links = [
  LinkStatus(
    name: "eth0",
    receivedByteCount: 1,
    sentByteCount: 2,
    bitsPerSecond: 1_000_000_000,
    connectionCount: 4
  ),
  LinkStatus(
    name: "",
    receivedByteCount: .max,
    sentByteCount: 0,
    bitsPerSecond: 0,
    connectionCount: 0
  ),
]

private func link(_ name: String) -> LinkStatus {
  LinkStatus(
    name: name,
    receivedByteCount: 5,
    sentByteCount: 6,
    bitsPerSecond: 7,
    connectionCount: 8
  )
}

@Test func `a status has the bytes that the protocol says`() {
  let text = """
    0100000000000000 0200000000000000 00ca9a3b00000000 0400 04 65746830
    ffffffffffffffff 0000000000000000 0000000000000000 0000 00
    """
  #expect(hex(LinkStatus.encode(links)) == text.filter { !$0.isWhitespace })
  #expect(decodedLinks(bytes(hex: text)) == .success(links))
  #expect(decodedLinks([]) == .success([]))
}

@Test func `a speed that no link has is refused`() {
  let rest = "0000 00"
  let most = "0100000000000000 0200000000000000 0000000000002000"
  let more = "0100000000000000 0200000000000000 0100000000002000"
  #expect((try? decodedLinks(bytes(hex: most + rest)).get())?.map(\.bitsPerSecond) == [1 << 53])
  #expect(
    decodedLinks(bytes(hex: more + rest))
      == .failure(.unknownValue(field: .linkStatus, value: (1 << 53) + 1))
  )
}

@Test func `a status survives the way there and back`() {
  var random = SplitMix64(seed: 21)
  for _ in 0..<200 {
    let count = Int.random(in: 0...LinkStatus.countLimit, using: &random)
    let links = (0..<count).map { index in
      LinkStatus(
        name: String("enp\(index)s0f1np1.4094".prefix(Int.random(in: 0...15, using: &random))),
        receivedByteCount: random.next(),
        sentByteCount: random.next(),
        bitsPerSecond: random.next() >> 11,
        connectionCount: UInt16(truncatingIfNeeded: random.next())
      )
    }
    #expect(decodedLinks(LinkStatus.encode(links)) == .success(links))
  }
}

@Test func `the largest status fits a control frame`() {
  let most = Array(repeating: link("123456789012345"), count: LinkStatus.countLimit)
  let bytes = LinkStatus.encode(most)
  #expect(bytes.count <= Int(FrameHeader.controlPayloadLimit))
  #expect(decodedLinks(bytes) == .success(most))
}

@Test func `too many links and too long names are cut when said, refused when heard`() {
  let tooMany = Array(repeating: link("a"), count: LinkStatus.countLimit + 1)
  #expect(LinkStatus.encode(tooMany).count == 28 * LinkStatus.countLimit)
  #expect(
    decodedLinks(LinkStatus.encode([link("1234567890123456")])).map(\.first?.name)
      == .success("123456789012345")
  )

  let one = LinkStatus.encode([link("a")])
  let oneTooMany = Array(repeating: one, count: LinkStatus.countLimit + 1).flatMap(\.self)
  #expect(decodedLinks(oneTooMany) == .failure(.unknownValue(field: .linkStatus, value: 1)))
  var longName = one + Array(repeating: 0x61, count: 300)
  for length in 16...255 as ClosedRange<UInt8> {
    longName[26] = length
    let error = WireError.unknownValue(field: .linkStatus, value: UInt64(length))
    #expect(decodedLinks(longName) == .failure(error))
  }
}

@Test func `every status that ends within a link is an error`() {
  let whole = LinkStatus.encode(links)
  let boundaries: Set = [0, 31, 58]
  #expect(whole.count == 58)
  for count in 0..<whole.count where !boundaries.contains(count) {
    let needed = count < 27 ? 27 : count < 31 ? 31 : 58
    let result = decodedLinks(Array(whole.prefix(count)))
    #expect(result == .failure(.truncated(needed: needed, found: count)))
  }
}

@Test func `random payloads of a status never trap`() {
  var random = SplitMix64(seed: 22)
  for _ in 0..<2000 {
    var noise = random.bytes(Int.random(in: 0...512, using: &random))
    // Small name lengths where the first links have theirs, so that decoding goes on.
    for index in stride(from: 26, to: noise.count, by: 27) { noise[index] &= 1 }
    guard case .success(let links) = decodedLinks(noise) else { continue }
    #expect(links.count <= LinkStatus.countLimit)
    for link in links { #expect(link.name.utf8.allSatisfy { 0x20..<0x7F ~= $0 }) }
  }
}

@Test func `an interface's name cannot carry an escape sequence`() throws {
  let heard = try decodedLinks(LinkStatus.encode([link("e\u{1B}[2Jth\n")])).get()
  #expect(heard.map(\.name) == ["e?[2Jth?"])
}

@Test func `of the peer's text only printable ASCII is kept`() {
  let all = Array(UInt8.min...UInt8.max)
  let printable = shown(all)
  #expect(printable.utf8.count == 256)
  for (byte, seen) in zip(all, printable.utf8) {
    #expect(seen == (0x20..<0x7F ~= byte ? byte : UInt8(ascii: "?")))
  }
}

@Test func `escape sequences of the peer's text are taken apart`() {
  let attack = "disk full\u{1B}]0;owned\u{07}\u{1B}[31m\r\n\u{9B}2J\u{202E}"
  #expect(shown(Array(attack.utf8)) == "disk full?]0;owned??[31m????2J???")
}

@Test func `the peer's text has a limit in both directions`() {
  let long = String(repeating: "x", count: PeerText.byteLimit + 1)
  #expect(PeerText.encode(long).count == PeerText.byteLimit)
  #expect(shown(Array(long.utf8)).utf8.count == PeerText.byteLimit)
  #expect(PeerText.byteLimit <= Int(FrameHeader.controlPayloadLimit))
  #expect(shown(PeerText.encode("No space left on device")) == "No space left on device")
  #expect(shown([]).isEmpty)
}
