import Foundation
import Testing
import Wire

// Goal: the transfer that Protocol.md shows is what this code says and understands.
// Method: the dump is read from the document itself, decoded, and made again from the values.
// A failure means: the document or the format has changed without the other.

/// One message of the dump.
private struct Message: Equatable {
  var speaker: String
  var name: String
  var bytes: [UInt8]
}

private let session = SessionID(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)
private let payload = Array("hello\n".utf8)
/// XXH3-64 of the payload, by another implementation; this module does not compute it.
private let payloadChecksum: UInt64 = 0x99FC_819A_ABA2_462A

/// The messages between the fence "transfer" of Protocol.md and the next one.
private func documentedTransfer() throws -> [Message] {
  let root = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  let path = root.appending(path: "Sources/Wire/Wire.docc/Protocol.md")
  let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
  let start = try #require(lines.firstIndex(of: "```transfer"))
  var messages: [Message] = []
  for line in lines[(start + 1)...].prefix(while: { $0 != "```" }) {
    if line.hasPrefix(" ") {
      let last = try #require(messages.indices.last)
      let digits = line.prefix { $0 != ";" }
      messages[last].bytes += bytes(hex: String(digits))
    } else {
      let words = line.components(separatedBy: ": ")
      try #require(words.count == 2)
      messages.append(Message(speaker: words[0], name: words[1], bytes: []))
    }
  }
  return messages
}

private func greeting(_ kind: Greeting.Kind) -> Greeting {
  let isListener = kind == .welcome
  var greeting = Greeting(
    kind,
    role: isListener ? .receiver : .sender,
    session: session,
    frameByteCount: 262_144
  )
  greeting.nonce = bytes32(from: isListener ? 0x30 : 0x10)
  return greeting
}

/// The seed of a session without a key: Protocol.md, "Admission".
private func keylessSeed() -> UInt64 {
  let start = Greeting(.hello, role: .sender, session: session, frameByteCount: 4096)
  return xxh64(Array("braid frames".utf8) + start.transcript)
}

private func transfer() -> [Message] {
  var digest = StreamDigest()
  digest.add(offset: 0, length: 6, checksum: payloadChecksum)
  let data = FrameHeader(.data, length: 6, value: payloadChecksum)
  let end = FrameHeader(.end, offset: 6, number: 1, value: digest.value)
  let source = SourceDescription(kind: .stream).encoded
  let sourceHeader = FrameHeader(.source, length: 40, value: xxh64(source))
  let frames: [(String, FrameHeader, [UInt8])] = [
    ("dialler", sourceHeader, source),
    ("listener", FrameHeader(.ack, number: 124), []),
    ("dialler", data, payload),
    ("dialler", end, []),
    ("listener", FrameHeader(.ack, offset: 6, number: 125, value: 1), []),
    ("listener", FrameHeader(.verdict, offset: 6, detail: Ending.complete.rawValue), []),
    ("dialler", FrameHeader(.goodbye), []),
  ]
  let greetings = [
    Message(speaker: "dialler", name: "hello", bytes: encoded(greeting(.hello))),
    Message(speaker: "listener", name: "welcome", bytes: encoded(greeting(.welcome))),
    Message(speaker: "dialler", name: "confirm", bytes: encoded(greeting(.confirm))),
  ]
  return greetings
    + frames.map { speaker, header, payload in
      let bytes = encoded(header, seed: keylessSeed()) + payload
      return Message(speaker: speaker, name: "\(header.kind)", bytes: bytes)
    }
}

@Test func `the documented transfer is what this code says`() throws {
  let documented = try documentedTransfer()
  let made = transfer()
  #expect(documented.count == made.count)
  for (left, right) in zip(documented, made) {
    #expect(left.speaker == right.speaker)
    #expect(left.name == right.name)
    #expect(hex(left.bytes) == hex(right.bytes), "\(left.name)")
  }
}

@Test func `the documented transfer is understood byte by byte`() throws {
  #expect(keylessSeed() == 0xDFF7_4E4A_9F02_24B8)
  var checksums: [UInt64] = []
  var digest = StreamDigest()
  for message in try documentedTransfer() {
    if ["hello", "welcome", "confirm"].contains(message.name) {
      let greeting = try decodedGreeting(message.bytes).get()
      #expect("\(greeting.kind)" == message.name)
      #expect(greeting.session == session)
      #expect((greeting.role == .sender) == (message.speaker == "dialler"))
      continue
    }
    let header = try decodedHeader(message.bytes, seed: keylessSeed()).get()
    #expect("\(header.kind)" == message.name)
    #expect(message.bytes.count == FrameHeader.byteCount + Int(header.length))
    if header.kind == .data {
      #expect(Array(message.bytes[FrameHeader.byteCount...]) == payload)
      checksums.append(header.value)
      digest.add(offset: header.offset, length: UInt64(header.length), checksum: header.value)
    }
    if header.kind == .end { #expect(header.value == digest.value) }
  }
  #expect(checksums == [payloadChecksum])
}
