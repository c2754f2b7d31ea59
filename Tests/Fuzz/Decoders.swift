import Wire

/// Bytes of strangers: nothing traps, and what is accepted encodes to the same bytes again.
func fuzzDecoders(_ tape: inout Tape) {
  let kind = tape.choice(4)
  var bytes = tape.bytes(tape.choice(4) == 3 ? Int(tape.byte()) * 9 : 128)
  switch kind {
  case 0:
    if bytes.count >= 128, tape.byte() < 128 { repair(&bytes) }
    guard let greeting = try? Greeting(decoding: bytes.span) else { return }
    let again = try? Greeting(decoding: encoded(128) { greeting.encode(into: &$0) }.span)
    if again != greeting { fatalError("a greeting changes by being encoded: \(greeting)") }
  case 1:
    let seed = tape.number()
    if bytes.count >= 40, tape.byte() < 192 {
      let check = XXH64.hash(Array(bytes[0..<36]).span, seed: seed)
      for index in 0..<4 { bytes[36 + index] = UInt8(truncatingIfNeeded: check >> (8 * index)) }
    }
    guard let header = try? FrameHeader(decoding: bytes.span, seed: seed) else { return }
    let out = encoded(40) { header.encode(into: &$0, seed: seed) }
    if out != Array(bytes[0..<40]) { fatalError("a header changes by being encoded: \(header)") }
  case 2:
    guard let links = try? LinkStatus.decode(bytes.span) else { return }
    if links.count > LinkStatus.countLimit { fatalError("\(links.count) links") }
    let again = try? LinkStatus.decode(LinkStatus.encode(links).span)
    if again != links { fatalError("a status changes by being encoded: \(links)") }
  default:
    let text = PeerText.decode(bytes.span)
    let isPrintable = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    if !isPrintable || text.utf8.count > PeerText.byteLimit { fatalError("text: \(text)") }
  }
}

/// Gives a greeting the magic, the version and the check, so that its fields are looked at.
private func repair(_ bytes: inout [UInt8]) {
  for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: Greeting.magic >> (8 * index)) }
  bytes[8] = UInt8(truncatingIfNeeded: Greeting.version)
  bytes[9] = 0
  bytes[10] = bytes[10] % 5
  bytes[11] = bytes[11] % 3
  let check = XXH64.hash(Array(bytes[0..<92]).span)
  for index in 0..<4 { bytes[92 + index] = UInt8(truncatingIfNeeded: check >> (8 * index)) }
}

func encoded(_ count: Int, _ body: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  var span = bytes.mutableSpan
  body(&span)
  return bytes
}
